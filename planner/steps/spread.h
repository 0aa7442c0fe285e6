#ifndef PLANNER_SPREAD_H
#define PLANNER_SPREAD_H

#include "planner/plan/kind.h"
#include "planner/sources/source.h"

/*
 * Copies from node to node: of weights (node_weights.c) and of images (image_copy.c). The source has
 * the whole of it. The other nodes are a chain behind the source, in the order of the spec: each
 * takes from the node before it, while that one still takes, so that all of them together take
 * little longer than one. The run half (run_spread.c) makes the copy.
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
	/* The tasks of a copy of these files. give: weights-give.sh on the node that gives; its act
	 * is read or open. take: weights-take.sh on the node that takes, with that act. The run half
	 * adds what it learned from the other node. */
	struct task *(*give)(struct arena *, const struct step *, const struct node *,
			     const struct manifest *, const char *act, struct task *);
	struct task *(*take)(struct arena *, const struct step *, const struct node *,
			     const struct manifest *, const char *act, struct task *);
	/* For something that is not in files, such as an image; NULL for files. pack: a task on the
	 * source that makes files of it and prints their list. unpack: what a node that took the
	 * files does with them (image-copy.sh). */
	struct task *(*pack)(struct arena *, const struct step *, const struct node *, struct task *);
	struct task *(*unpack)(struct arena *, const struct step *, const struct node *,
			       const struct manifest *, const char *act, struct task *);
	/* What is wrong with the list that the source made, as words behind its name; NULL: nothing. No
	 * function: nobody can tell. */
	const char *(*wrong)(struct arena *, const struct step *, const struct manifest *);
};

/* The node that node i takes its copy from, given which of n have a whole one; i itself if it is
 * the source, or has one. */
size_t spread_from(const bool *whole, size_t n, size_t i);
/* Adds what weights-give.sh needs to open an sshd (act "open"); for other acts nothing. */
void spread_opens(struct arena *, const char *act, struct task *);
/* give and take for something that pack made into files: they are in this folder of the node, as the
 * copy of that name. */
struct task *spread_give(struct arena *, const char *folder, const char *name, const struct manifest *,
			 const char *act, struct task *);
struct task *spread_take(struct arena *, const char *folder, const char *name, const struct cluster *,
			 const struct manifest *, const char *act, struct task *);
/* Reads what pack printed: SIZE, TAB, SHA256, TAB, PATH a line. NULL: it has another form. It is
 * checked, because it goes into arguments of other nodes' scripts and into names of their files. */
struct manifest *spread_read_list(struct arena *, const char *text);
/* The list without the files whose numbers are in the text, one a line. NULL: the text has another
 * form. */
struct manifest *spread_read_rest(struct arena *, const struct manifest *, const char *text);
/* The first of n nodes that has a whole copy; 0 if none has. */
size_t spread_first(const bool *whole, size_t n);

#endif
