#ifndef PLANNER_JSON_H
#define PLANNER_JSON_H

#include <jansson.h>

#include "planner/base/arena.h"

/*
 * Strings as JSON. A node may send any bytes, but JSON strings are UTF-8. NULL becomes null.
 */

/* For people: bytes that are not UTF-8 are shown as \xff. */
json_t *json_shown(const char *);
/* For later comparison: a string that is not UTF-8 is read as Latin-1, so that different
 * strings stay different. */
json_t *json_kept(const char *);
json_t *json_kept_n(const char *, size_t n);

/* Parses what a node sent. NULL if it is not an object or is longer than 1 MiB. */
json_t *json_read_object(const char *text, size_t n);
/* The JSON on one line. Releases the JSON. */
const char *json_line(struct arena *, json_t *);
/* A string member, as json_kept() makes it. A NULL text sets no member; a missing member
 * reads as NULL. */
void json_set_text(json_t *object, const char *name, const char *text);
const char *json_get_text(struct arena *, const json_t *object, const char *name);

#endif
