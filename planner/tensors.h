#ifndef PLANNER_TENSORS_H
#define PLANNER_TENSORS_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"

/*
 * The tensors of a checkpoint as the headers of its safetensors files have them: what
 * numbers, how many bytes. The experts of a layer are one line ("mlp.experts.*.up_proj"),
 * so that a thousand lines stand for a hundred thousand tensors. Pure and bounded; the
 * bytes come from the Hub, a node or a file, and nothing about them is believed.
 */
struct tensor {
	const char *name, *dtype;       /* "model.layers.0.mlp.up_proj.weight", "BF16" */
	long long count;                /* more than one: experts */
	double bytes;                   /* of all of them */
};

struct tensors {
	struct tensor *v;
	size_t n, cap;
	size_t files;
	double bytes;
};

enum {
	TENSORS_LENGTH = 8,             /* bytes before a header that tell its length */
	TENSORS_MAX_HEADER = 16 << 20,
	TENSORS_MAX_TEXT = 16 << 20,
};

/* Does vLLM load weights from a file of that name? */
bool tensors_is_file(const char *name);
/* The length of the header behind these 8 bytes; 0: none that is believable. */
size_t tensors_header_length(const void *eight);
/* Take one file's header, without its length. `size`: of the whole file, 0: not known.
 * False with *why: not a header, or the file is not as long as it says. */
bool tensors_add(struct arena *, struct tensors *, const char *json, size_t n, double size,
		 const char **why);
/* Sort, and take together what has one name; after the last file. */
void tensors_settle(struct tensors *);

/* As text, to be kept: a first line, then DTYPE COUNT BYTES NAME, apart by tabs. It is
 * what tensors.sh prints on a node, too. */
const char *tensors_write(struct arena *, const struct tensors *);
/* NULL with *why: no such text, or cut off. */
struct tensors *tensors_read(struct arena *, const char *text, size_t n, const char **why);
bool tensors_is_text(const char *text, size_t n);

#endif
