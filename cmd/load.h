#ifndef CMD_LOAD_H
#define CMD_LOAD_H

#include "cmd/cli.h"
#include "executors/script/modules.h"
#include "planner/cluster/cluster.h"

/* The compile half for commands: one spec file, read and checked. */
struct compiled {
	struct arena arena;
	struct source src;
	struct diags diags;
	struct spec *spec;
	struct modules *modules;        /* Lua files of the spec, loaded */
	struct cluster *cluster;
	const char *git;                /* git_note(); "" without one */
};

/* Read and compile cli->file; errors go to stderr. Returns EXIT_DONE or EXIT_ERROR. */
int compile_file(struct compiled *, const struct cli *);
/* The same for a text in memory (from a saved plan). */
int compile_text(struct compiled *, const struct cli *, const char *name, const char *text,
		 size_t n);
void compiled_release(struct compiled *);
/* "There is no node NAME in the spec", with the nearest name; returns EXIT_USAGE. */
int compiled_no_node(struct compiled *, const char *name);

/* Append a whole file that the user named ("-": stdin), at most max bytes. False: the error is
 * on stderr. */
bool load_file(const char *path, size_t max, struct str *);
/* git.c: "git a1b2c3d, clean": the commit of the spec's folder, and whether the file in it has
 * these bytes; "" if git does not know the file or does not answer within two seconds. */
const char *git_note(struct arena *, const char *path, const char *text, size_t n);

#endif
