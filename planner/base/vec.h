#ifndef BASE_VEC_H
#define BASE_VEC_H

#include "planner/base/arena.h"

/*
 * Growing arrays in an arena: a struct with the members v, n and cap, as in
 *	struct { struct step **v; size_t n, cap; } steps;
 * vec_push() returns a pointer to the new, zeroed element.
 */
#define vec_push(a, vec) \
	((vec)->n == (vec)->cap \
		? ((vec)->cap = (vec)->cap ? (vec)->cap * 2 : 8, \
		   (vec)->v = arena_grow((a), (vec)->v, (vec)->n * sizeof *(vec)->v, \
					 (vec)->cap * sizeof *(vec)->v), \
		   &(vec)->v[(vec)->n++]) \
		: &(vec)->v[(vec)->n++])

#define countof(array) (sizeof(array) / sizeof *(array))

#endif
