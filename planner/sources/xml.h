#ifndef PLANNER_XML_H
#define PLANNER_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"

/*
 * The part of XML that answers of S3 use: elements, whose attributes are ignored, and text. The only
 * entities are those of XML itself, and no other document is ever read. A struct xml is a piece of
 * the input; only xml_text() copies.
 */
struct xml {
	const char *text;
	size_t n;
};

/* The inside of the first element of that name. False: there is none, or it does not end. */
bool xml_find(const struct xml *in, const char *name, struct xml *inside);
/* The same for the next one behind *at, which starts as {0}. */
bool xml_next(const struct xml *in, const char *name, struct xml *at);
/* The text of the first element of that name, with its entities replaced. NULL: there is no such
 * element, or there is more than text in it. */
const char *xml_text(struct arena *, const struct xml *in, const char *name);

#endif
