#include "planner/range.h"

#include <string.h>

#include "planner/base/vec.h"

static bool
fail(struct range_error *e, const char *why, const char *part, size_t len)
{
	*e = (struct range_error){why, part, len};
	return false;
}

bool
range_is(const char *text)
{
	return strpbrk(text, "[]") != NULL;
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

/* The numbers of one bracket, as texts; `s` is behind '[', n bytes up to ']'. */
static bool
numbers(struct arena *a, const char *s, size_t n, struct range_names *out,
	struct range_error *e)
{
	const char *end = s + n, *p = s;
	long from, to;

	for (;;) {
		const char *first = p;
		size_t width = digits(p, &from), width2;

		if (width == 0 || width > 9)
			return fail(e, "expected a number in the range", s - 1, n + 2);
		p += width;
		to = from;
		if (*p == '-') {
			width2 = digits(++p, &to);
			if (width2 == 0 || width2 > 9)
				return fail(e, "expected a number behind '-'", s - 1, n + 2);
			p += width2;
			if (to < from)
				return fail(e, "the range runs backwards", first, (size_t)(p - first));
			if (*first == '0' && width > 1 && width2 != width)
				return fail(e, "both ends of a range with zeros in front need as "
					    "many digits", first, (size_t)(p - first));
		}
		if (to - from >= RANGE_MAX)
			return fail(e, "more than 1024 nodes", first, (size_t)(p - first));
		for (; from <= to; from++) {
			if (out->n >= RANGE_MAX)
				return fail(e, "more than 1024 nodes", s - 1, n + 2);
			*vec_push(a, out) = arena_printf(a, "%0*ld", (int)(*first == '0' ? width : 1),
							 from);
		}
		if (p == end)
			return true;
		if (*p != ',')
			return fail(e, "only digits, '-' and ',' may stand in a range", s - 1, n + 2);
		p++;
	}
}

bool
range_expand(struct arena *a, const char *text, struct range_names *out, struct range_error *e)
{
	struct range_names have = {0}, longer;
	const char *p = text;

	if (strlen(text) > RANGE_MAX_TEXT)
		return fail(e, "longer than 255 characters", text, 1);
	*vec_push(a, &have) = "";
	while (*p) {
		size_t plain = strcspn(p, "[]");
		const char *open = p + plain, *close;
		struct range_names number = {0};

		if (*open == ']')
			return fail(e, "']' without '['", open, 1);
		if (*open == '[') {
			close = strchr(open, ']');
			if (!close)
				return fail(e, "'[' without ']'", open, 1);
			if (!numbers(a, open + 1, (size_t)(close - open - 1), &number, e))
				return false;
			if (have.n * number.n > RANGE_MAX)
				return fail(e, "more than 1024 nodes", text, strlen(text));
		} else {
			close = open - 1;
			*vec_push(a, &number) = "";
		}
		longer = (struct range_names){0};
		for (size_t i = 0; i < have.n; i++)
			for (size_t k = 0; k < number.n; k++)
				*vec_push(a, &longer) = arena_printf(a, "%s%.*s%s", have.v[i],
					(int)plain, p, number.v[k]);
		have = longer;
		p = close + 1;
	}
	*out = have;
	return true;
}
