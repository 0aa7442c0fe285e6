#include "planner/spec/range.h"

#include <string.h>

#include "planner/base/vec.h"

static bool
range_fail(struct range_error *e, const char *why, const char *part, size_t len)
{
	*e = (struct range_error){why, part, len};
	return false;
}

static size_t
range_digits(const char *s, long *value)
{
	size_t n = strspn(s, "0123456789");

	*value = 0;
	for (size_t i = 0; i < n && i < 9; i++)
		*value = *value * 10 + (s[i] - '0');
	return n;
}

/* Reads one number or FROM-TO at *p. `all` is the whole bracket, for messages. */
static bool
range_item(struct arena *a, const char **p, struct range_names *out, struct range_error *e,
	   const struct range_error *all)
{
	const char *first = *p;
	long from, to;
	size_t width = range_digits(first, &from), width2 = width, len = width;

	to = from;
	if (width && first[width] == '-') {
		width2 = range_digits(first + width + 1, &to);
		len = width + 1 + width2;
	}
	if (width == 0 || width > 9 || width2 == 0 || width2 > 9)
		return range_fail(e, "expected a number in the range", all->part, all->len);
	if (to < from)
		return range_fail(e, "the range runs backwards", first, len);
	if (*first == '0' && width > 1 && width2 != width)
		return range_fail(e, "both ends of a range with leading zeros need equally many digits",
				  first, len);
	if (to - from >= RANGE_MAX || out->n + (size_t)(to - from) >= RANGE_MAX)
		return range_fail(e, "more than 1024 nodes", first, len);
	for (; from <= to; from++)
		*vec_push(a, out) = arena_printf(a, "%0*ld", *first == '0' ? (int)width : 1, from);
	*p = first + len;
	return true;
}

/* Combines every name so far with every number. */
static bool
range_product(struct arena *a, struct range_names *have, const char *plain, size_t n,
	      const struct range_names *number)
{
	struct range_names longer = {0};

	if (have->n * number->n > RANGE_MAX)
		return false;
	for (size_t i = 0; i < have->n; i++)
		for (size_t k = 0; k < number->n; k++)
			*vec_push(a, &longer) = arena_printf(a, "%s%.*s%s", have->v[i], (int)n, plain,
							     number->v[k]);
	*have = longer;
	return true;
}

bool
range_expand(struct arena *a, const char *text, struct range_names *out, struct range_error *e)
{
	struct range_names have = {0};
	const char *p = text, *open, *close;

	if (strlen(text) > RANGE_MAX_TEXT)
		return range_fail(e, "longer than 255 characters", text, 1);
	*vec_push(a, &have) = "";
	for (; *(open = p + strcspn(p, "[]")); p = close + 1) {
		struct range_names number = {0};

		if (*open == ']')
			return range_fail(e, "']' without '['", open, 1);
		close = strchr(open, ']');
		if (!close)
			return range_fail(e, "'[' without ']'", open, 1);
		const struct range_error all = {"a range may contain only digits, '-' and ',', as in gpu-[1-4,7]", open,
						(size_t)(close + 1 - open)};

		for (const char *item = open; item != close;) {
			item++;
			if (!range_item(a, &item, &number, e, &all))
				return false;
			if (item != close && *item != ',')
				return range_fail(e, all.why, all.part, all.len);
		}
		if (!range_product(a, &have, p, (size_t)(open - p), &number))
			return range_fail(e, "more than 1024 nodes", text, strlen(text));
	}
	range_product(a, &have, p, strlen(p),
		      &(const struct range_names){&(const char *){""}, 1, 1});
	*out = have;
	return true;
}
