#ifndef CMD_LOAD_H
#define CMD_LOAD_H

#include "cmd/cli.h"
#include "executors/modules.h"
#include "planner/model.h"

/* The compile half as commands use it: one spec file, read and checked. */
struct compiled {
	struct arena arena;
	struct source src;
	struct diags diags;
	struct spec *spec;
	struct modules *modules;        /* Lua files of the spec, loaded */
	struct model *model;
};

/* Read and compile cli->file; what is wrong is on stderr. EXIT_DONE or EXIT_ERROR. */
int compile_file(struct compiled *, const struct cli *);
/* The same for a text that is in memory already (a saved plan). */
int compile_text(struct compiled *, const struct cli *, const char *name, const char *text,
		 size_t n);
void compiled_release(struct compiled *);

/* A whole file, at most max bytes, in malloc'd memory with a NUL behind; NULL: *why. */
char *file_read(const char *path, size_t max, size_t *n, const char **why);
/* Write a file by a temporary one beside it and a rename; into what is no plain file. */
bool file_write(const char *path, const char *text, size_t n, unsigned mode);
/* "git a1b2c3d, clean", or "" where git does not know the file. */
const char *git_note(struct arena *, const char *path);

#endif
