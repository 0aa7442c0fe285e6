/* The memory that an engine prints when it starts; it comes from a node and is not trusted. */
#include "planner/facts/measured.h"

#include <stdlib.h>
#include <string.h>

/* More GiB than a GPU can have, and more tokens than it can hold. */
static const double MOST_GIB = 4096, MOST_TOKENS = 1e12;

static double
measured_within(double x, double most)
{
	return x > 0 && x <= most ? x : 0;
}

void
measured_check(struct measured *m)
{
	m->kv = measured_within(m->kv, MOST_GIB);
	if (m->kv <= 0)
		*m = (struct measured){0};
	m->weights = measured_within(m->weights, MOST_GIB);
	m->tokens = measured_within(m->tokens, MOST_TOKENS);
	m->said_weights = measured_within(m->said_weights, MOST_GIB);
	m->said_kv = measured_within(m->said_kv, MOST_GIB);
	if (m->tensor < 1 || m->tensor > 4096 || m->pipeline < 1 || m->pipeline > 4096)
		m->tensor = m->pipeline = 0;
}

bool
measured_read(const char *text, struct measured *m)
{
	double number[3] = {0};
	const char *at = text;

	for (size_t i = 0; i < 3; i++) {
		char *end;

		at += strspn(at, " ");
		if (*at == '-') {
			at++;
			continue;
		}
		number[i] = strtod(at, &end);
		if (end == at || (*end && *end != ' '))
			return false;
		at = end;
	}
	*m = (struct measured){.weights = number[0], .kv = number[1], .tokens = number[2],
		.tensor = 1, .pipeline = 1};
	measured_check(m);
	return m->kv > 0 && !*at;
}
