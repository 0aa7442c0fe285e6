/* Who takes a copy from whom. */
#include "planner/steps/spread.h"

#include <string.h>

size_t
spread_first(const bool *whole, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (whole[i])
			return i;
	return 0;
}

size_t
spread_from(const bool *whole, size_t n, size_t i)
{
	size_t source = spread_first(whole, n);

	if (i == source || whole[i])
		return i;
	for (size_t k = i; k-- > 0;)
		if (k != source && !whole[k])
			return k;
	return source;
}

void
spread_opens(struct arena *a, const char *act, struct task *t)
{
	t->aside = strcmp(act, "open") == 0;
	if (t->aside)
		task_arg(a, t, "send", script_with(a, "giving", "weights-send")->text);
}
