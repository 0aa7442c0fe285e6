#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "planner/base/arena.h"

/* 12345678901 -> "12.3 GB". */
const char *bytes_text(struct arena *, long long bytes);

#endif
