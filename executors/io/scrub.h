#ifndef EXECUTORS_SCRUB_H
#define EXECUTORS_SCRUB_H

#include "planner/base/str.h"

/*
 * Masks a secret in a text: as it is; escaped as by JSON, Lua, shells and str_safe()
 * (\" \n \u00e4 \xe4 \228 '\''); %-encoded as in a URL. A secret that was cut off is masked,
 * too: 10 or more of its first bytes at the end of a line or of the text, or 4 or more where
 * a "…" or text->cut says that something is missing. Pure.
 */
void scrub(struct str *text, const char *secret);

#endif
