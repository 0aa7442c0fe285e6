#ifndef PLANNER_MODELFACTS_PRIVATE_H
#define PLANNER_MODELFACTS_PRIVATE_H

#include <jansson.h>

#include "planner/layout/checkpoint.h"

/* Shared by the files checkpoint*.c. */
struct checkpoint_reader {
	struct arena *arena;
	json_t *root, *text;      /* text: the part for the language model */
	struct checkpoint *f;
};

/* The value of a key in the part for the language model, else at the top, or NULL. */
json_t *checkpoint_find(const struct checkpoint_reader *, const char *key);
/* A plausible number, otherwise 0. */
long long checkpoint_number_of(const json_t *);
/* The number of a key, else the default of transformers, else 0. */
long long checkpoint_number(const struct checkpoint_reader *, const char *key);
/* Is i one of the numbers in a list? false for what is not a list. */
bool checkpoint_lists(const json_t *, long long i);

/* checkpoint_mistral.c: params.json -> config.json, to be released; NULL: it is not one. */
json_t *checkpoint_of_params(json_t *params);
/* checkpoint_hybrid.c: states of layers; what layer i has, false: nothing special. */
void checkpoint_read_states(struct checkpoint_reader *);
bool checkpoint_state_kind(const struct checkpoint_reader *, long long i, unsigned *has);

/* checkpoint_code.c */
void checkpoint_read_code(struct checkpoint_reader *);

/* checkpoint_weights.c */
void checkpoint_read_quant(struct checkpoint_reader *);
void checkpoint_read_files(struct checkpoint_reader *, const struct checkpoint_texts *);

#endif
