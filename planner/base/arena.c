#include "planner/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 2 * 1024, BLOCK = 64 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

static void *
arena_enough(void *p)
{
	if (!p) {
		fputs("dray: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *xmalloc(size_t n) { return arena_enough(malloc(n ? n : 1)); }
void *xcalloc(size_t n, size_t size) { return arena_enough(calloc(n ? n : 1, size ? size : 1)); }
void *xrealloc(void *p, size_t n) { return arena_enough(realloc(p, n ? n : 1)); }
char *xstrdup(const char *s) { return arena_enough(strdup(s)); }

void *
arena_alloc(struct arena *a, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *b = a->head;
	void *p;

	if (size > SIZE_MAX / 2)
		arena_enough(NULL);
	size = (size + align - 1) / align * align;
	if (!b || b->size - b->used < size) {
		/* Start small and grow: a connection keeps only a few names. */
		size_t next = b && b->size < BLOCK ? b->size * 2 : b ? BLOCK : FIRST;
		size_t want = size > next ? size : next;

		b = xcalloc(1, sizeof *b + want);
		b->size = want;
		b->next = a->head;
		a->head = b;
	}
	p = b->data + b->used;
	b->used += size;
	return p;
}

void *
arena_calloc(struct arena *a, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / 2 / size)
		arena_enough(NULL);
	return arena_alloc(a, n * size);
}

void *
arena_grow(struct arena *a, const void *old, size_t n, size_t size)
{
	void *p = arena_alloc(a, size);

	if (n)
		memcpy(p, old, n);
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n) { return arena_grow(a, s, n, n + 1); }
char *arena_strdup(struct arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

char *
arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	int n;
	char *p;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	p = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
	if (n > 0)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}

void
arena_release(struct arena *a)
{
	struct arena_block *b = a->head, *next;

	for (; b; b = next) {
		next = b->next;
		free(b);
	}
	a->head = NULL;
}
