#ifndef PLANNER_SPREAD_H
#define PLANNER_SPREAD_H

#include "planner/plan/kind.h"
#include "planner/sources/source.h"

/*
 * How what a step brings comes from another node's copy of it: weights (node_weights.c) and images
 * (image_copy.c). The source has all of it. The others are a chain behind it in the order of the
 * spec: each takes from the one before it, while that one still takes, so that all of them
 * together take little longer than one. The run half (run_spread.c) makes the copy.
 */
struct spread_way {
	/* Does the other step bring the same to its node? */
	bool (*same)(const struct step *, const struct step *other);
	/* The node that a node takes from, after a look; the node itself: it takes nothing. */
	struct node *(*from)(struct arena *, const struct step *, const struct node *);
	/* Does the node have a whole copy, as far as the look shows? */
	bool (*whole)(const struct step *, const struct node *);
	/* The files, if they are known before any node is asked; NULL: not known. No function: the
	 * source is asked, by pack. */
	const struct manifest *(*list)(const struct step *);
	/* Tasks of a copy of these files. On the node that gives: weights-give.sh, read or open. On
	 * the one that takes: weights-take.sh with that act. The run half adds what it learned
	 * from the other one. */
	struct task *(*give)(struct arena *, const struct step *, const struct node *,
			     const struct manifest *, const char *act, struct task *);
	struct task *(*take)(struct arena *, const struct step *, const struct node *,
			     const struct manifest *, const char *act, struct task *);
	/* Of what is no file on the source, else NULL: prints the list of files that it makes of
	 * it; and what a node that takes does with them (image-copy.sh). */
	struct task *(*pack)(struct arena *, const struct step *, const struct node *, struct task *);
	struct task *(*unpack)(struct arena *, const struct step *, const struct node *,
			       const struct manifest *, const char *act, struct task *);
};

/* The node that node i takes its copy from, given which of n have a whole one; i itself if it is
 * the source, or has one. */
size_t spread_from(const bool *whole, size_t n, size_t i);
/* What weights-give.sh needs to open an sshd; for other acts nothing. */
void spread_opens(struct arena *, const char *act, struct task *);
/* What pack printed, SIZE, TAB, SHA256, TAB, PATH a line; NULL: it is not of that form. What a node says
 * there comes into the arguments of other nodes' scripts, and into names of their files. */
struct manifest *spread_read_list(struct arena *, const char *text);
/* The list without the files whose numbers the text has, one a line; NULL: it has something else. */
struct manifest *spread_read_rest(struct arena *, const struct manifest *, const char *text);
/* The first of n that has a whole one; 0: none has. */
size_t spread_first(const bool *whole, size_t n);

#endif
