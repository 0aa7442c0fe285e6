#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

/*
 * A bag of memory that is freed all at once. The compile half of dray (YAML to
 * plan) allocates everything here and frees nothing one by one. Out of memory
 * aborts the program, so no call returns NULL.
 */
struct arena {
	struct arena_block *head;
};

#define ar_new(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define ar_array(a, type, n) ((type *)arena_calloc((a), (n), sizeof(type)))

/* Zeroed memory, aligned for any type. */
void *arena_alloc(struct arena *, size_t size);
void *arena_calloc(struct arena *, size_t n, size_t size);
/* Copies `old` (n bytes) to a new place of `size` bytes; growing arrays use it. */
void *arena_grow(struct arena *, const void *old, size_t n, size_t size);
char *arena_strdup(struct arena *, const char *);
char *arena_strndup(struct arena *, const char *, size_t n);
char *arena_printf(struct arena *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *, const char *fmt, va_list)
	__attribute__((format(printf, 2, 0)));
void arena_release(struct arena *);

/* malloc and friends that abort instead of returning NULL; free with free(). */
void *xmalloc(size_t);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *, size_t);
char *xstrdup(const char *);

#endif
