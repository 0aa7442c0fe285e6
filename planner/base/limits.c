#include "planner/base/limits.h"

#define LIMITS(title)
#define LIMIT(name, value, unit, reason) const char name##_text[] = #value;
#include "planner/base/limits.def"
