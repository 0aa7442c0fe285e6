#ifndef PLANNER_MODELFACTS_PRIVATE_H
#define PLANNER_MODELFACTS_PRIVATE_H

#include <jansson.h>

#include "planner/modelfacts.h"

/* What the files modelfacts*.c share. */
struct modelreader {
	struct arena *arena;
	json_t *root, *text;      /* text: the part about the language model */
	struct modelfacts *f;
};

/* The value of a key in the part about the language model, else at the top, or NULL. */
json_t *mf_find(const struct modelreader *, const char *key);
/* A number that is believable, else 0. */
long long mf_number_of(const json_t *);
/* The number behind a key, else what transformers puts in for it, else 0. */
long long mf_number(const struct modelreader *, const char *key);

/* modelfacts_weights.c */
void mf_read_quant(struct modelreader *);
void mf_read_checkpoint(struct modelreader *, const struct modeltexts *);

#endif
