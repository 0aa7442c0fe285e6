#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* The timeouts, stalls and ports of limits.def, which says what they are for; each as a number,
 * and as text for defaults of the spec. */
#define LIMITS(title)
#define LIMIT(name, value, unit, reason) name = value,
enum {
#include "planner/base/limits.def"
};
#undef LIMIT
#define LIMIT(name, value, unit, reason) extern const char name##_text[];
#include "planner/base/limits.def"
#undef LIMIT
#undef LIMITS

#endif
