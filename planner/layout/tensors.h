#ifndef PLANNER_TENSORS_H
#define PLANNER_TENSORS_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"
#include "planner/base/err.h"

/*
 * The tensors of a checkpoint, from the headers of its safetensors files: type and size. The
 * experts of a layer share one line ("mlp.experts.*.up_proj"), so a thousand lines describe a
 * hundred thousand tensors. Pure and bounded. The bytes come from the Hub, a node or a file
 * and are not trusted.
 */
struct tensor {
	const char *name, *dtype;       /* "model.layers.0.mlp.up_proj.weight", "BF16" */
	long long count;                /* more than one: experts */
	double bytes;                   /* all of them together */
};

struct tensors {
	struct tensor *v;
	size_t n, cap;
	size_t files;
	double bytes;
};

enum {
	TENSORS_LENGTH = 8,             /* bytes of the length in front of a header */
	TENSORS_MAX_HEADER = 16 << 20,
	TENSORS_MAX_TEXT = 16 << 20,
};

/* Does an engine load weights from a file of that name? */
bool tensors_is_file(const char *name);
/* The length of the header that follows these 8 bytes; 0: not plausible. */
size_t tensors_header_length(const void *eight);
/* Adds the header of one file, given without its length. `size`: of the whole file, 0: not
 * known. False with e set: not a header, or the file does not have the size it should. */
bool tensors_add(struct arena *, struct tensors *, const char *json, size_t n, double size,
		 struct err *e);
/* Sorts, and merges equal names. Call it after the last file. */
void tensors_settle(struct tensors *);

/* As text, for the cache: a first line, then DTYPE COUNT BYTES NAME, separated by tabs. On a
 * node, safetensors.sh prints the same. */
const char *tensors_write(struct arena *, const struct tensors *);
/* NULL with e set: not such a text, or cut off. */
struct tensors *tensors_read(struct arena *, const char *text, size_t n, struct err *e);
bool tensors_is_text(const char *text, size_t n);

#endif
