#ifndef PLANNER_XML_H
#define PLANNER_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"

/*
 * As much of XML as answers of S3 are: elements without attributes that matter, and text. A piece of
 * the text; nothing is copied until a text is asked for. No entities but XML's own, no documents that
 * name others.
 */
struct xml {
	const char *text;
	size_t n;
};

/* The inside of the first element of that name; false: there is none, or it does not end. */
bool xml_find(const struct xml *in, const char *name, struct xml *inside);
/* Of the next one behind *at, which starts as {0}. */
bool xml_next(const struct xml *in, const char *name, struct xml *at);
/* The text of the first element of that name, without entities; NULL: there is none, or it is no
 * text. */
const char *xml_text(struct arena *, const struct xml *in, const char *name);

#endif
