#ifndef PLANNER_JSON_H
#define PLANNER_JSON_H

#include <jansson.h>

/*
 * Texts as JSON. A node may send any bytes, and JSON has no room for those that are not
 * UTF-8. NULL is null.
 */

/* For readers: such bytes are shown as \xff. */
json_t *json_shown(const char *);
/* For what is compared later: the text's bytes are taken as Latin-1 then, so that
 * different texts stay different. */
json_t *json_kept(const char *);

#endif
