#include "planner/range.h"

#include <string.h>

#include "planner/base/vec.h"

static bool
fail(struct range_error *e, const char *why, const char *part, size_t len)
{
	*e = (struct range_error){why, part, len};
	return false;
}

static size_t
digits(const char *s, long *value)
{
	size_t n = strspn(s, "0123456789");

	*value = 0;
	for (size_t i = 0; i < n && i < 9; i++)
		*value = *value * 10 + (s[i] - '0');
	return n;
}

/* One number or FROM-TO at *p; what stands in brackets is `all`, for messages. */
static bool
item(struct arena *a, const char **p, struct range_names *out, struct range_error *e,
     const struct range_error *all)
{
	const char *first = *p;
	long from, to;
	size_t width = digits(first, &from), width2 = width, len = width;

	to = from;
	if (width && first[width] == '-') {
		width2 = digits(first + width + 1, &to);
		len = width + 1 + width2;
	}
	if (width == 0 || width > 9 || width2 == 0 || width2 > 9)
		return fail(e, "expected a number in the range", all->part, all->len);
	if (to < from)
		return fail(e, "the range runs backwards", first, len);
	if (*first == '0' && width > 1 && width2 != width)
		return fail(e, "both ends of a range with zeros in front need as many digits", first,
			    len);
	if (to - from >= RANGE_MAX || out->n + (size_t)(to - from) >= RANGE_MAX)
		return fail(e, "more than 1024 nodes", first, len);
	for (; from <= to; from++)
		*vec_push(a, out) = arena_printf(a, "%0*ld", *first == '0' ? (int)width : 1, from);
	*p = first + len;
	return true;
}

/* The numbers of one bracket, as texts; `open` is at '[', n bytes up to and with ']'. */
static bool
numbers(struct arena *a, const char *open, size_t n, struct range_names *out,
	struct range_error *e)
{
	const struct range_error all = {"only digits, '-' and ',' may stand in a range", open, n};

	for (const char *p = open + 1;; p++) {
		if (!item(a, &p, out, e, &all))
			return false;
		if (*p == ']')
			return true;
		if (*p != ',')
			return fail(e, all.why, all.part, all.len);
	}
}

/* Every name so far with every number behind it. */
static bool
product(struct arena *a, struct range_names *have, const char *plain, size_t n,
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
		return fail(e, "longer than 255 characters", text, 1);
	*vec_push(a, &have) = "";
	for (; *(open = p + strcspn(p, "[]")); p = close + 1) {
		struct range_names number = {0};

		if (*open == ']')
			return fail(e, "']' without '['", open, 1);
		close = strchr(open, ']');
		if (!close)
			return fail(e, "'[' without ']'", open, 1);
		if (!numbers(a, open, (size_t)(close + 1 - open), &number, e))
			return false;
		if (!product(a, &have, p, (size_t)(open - p), &number))
			return fail(e, "more than 1024 nodes", text, strlen(text));
	}
	product(a, &have, p, strlen(p), &(const struct range_names){&(const char *){""}, 1, 1});
	*out = have;
	return true;
}
