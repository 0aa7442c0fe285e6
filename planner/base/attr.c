#include "planner/base/attr.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"

enum { SHORT = 32 };

static struct attr *
attr_add(struct arena *a, struct attrs *list, const char *name, const char *value)
{
	struct attr *attr = vec_push(a, list);

	*attr = (struct attr){.name = arena_strdup(a, name),
		.value = value ? arena_strdup(a, value) : NULL};
	list->sorted = false;
	return attr;
}

void
attrs_add(struct arena *a, struct attrs *list, const char *name, const char *value)
{
	attr_add(a, list, name, value);
}

void
attrs_addf(struct arena *a, struct attrs *list, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	attr_add(a, list, name, arena_vprintf(a, fmt, ap));
	va_end(ap);
}

void
attrs_add_secret(struct arena *a, struct attrs *list, const char *name, const char *mac)
{
	attr_add(a, list, name, mac)->secret = true;
}

/* A stable merge sort: a step may have thousands of attributes. */
static void
attr_sort(struct attr *v, size_t n, struct attr *spare)
{
	size_t half = n / 2, i = 0, k = half, out = 0;

	if (n <= SHORT) {       /* insertion sort: stable, and most lists are nearly sorted */
		for (size_t from = 1; from < n; from++) {
			struct attr moving = v[from];

			for (k = from; k > 0 && strcmp(v[k - 1].name, moving.name) > 0; k--)
				v[k] = v[k - 1];
			v[k] = moving;
		}
		return;
	}
	attr_sort(v, half, spare);
	attr_sort(v + half, n - half, spare);
	memcpy(spare, v, half * sizeof *v);
	while (i < half)
		v[out++] = k == n || strcmp(spare[i].name, v[k].name) <= 0 ? spare[i++] : v[k++];
}

void
attrs_sort(struct attrs *list)
{
	struct attr *spare;
	size_t kept = 0;

	if (list->sorted)
		return;
	spare = list->n > SHORT ? xcalloc(list->n, sizeof *spare) : NULL;
	attr_sort(list->v, list->n, spare);
	free(spare);
	for (size_t i = 0; i < list->n; i++) {
		if (kept && strcmp(list->v[kept - 1].name, list->v[i].name) == 0)
			kept--;
		list->v[kept++] = list->v[i];
	}
	list->n = kept;
	list->sorted = true;
}

static int
attr_by_name(const void *key, const void *attr)
{
	return strcmp(key, ((const struct attr *)attr)->name);
}

const struct attr *
attrs_get(struct attrs *list, const char *name)
{
	attrs_sort(list);
	if (!list->n)
		return NULL;
	return bsearch(name, list->v, list->n, sizeof *list->v, attr_by_name);
}

const char *
attrs_value(struct attrs *list, const char *name, const char *otherwise)
{
	const struct attr *attr = attrs_get(list, name);

	return attr && attr->value ? attr->value : otherwise;
}
