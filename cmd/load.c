/* Reads files, and compiles a spec file to a cluster. */
#include "cmd/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/io/carry.h"
#include "executors/io/file.h"
#include "executors/run/run_archive.h"
#include "executors/script/inventory.h"
#include "planner/base/str.h"
#include "planner/custom/compile.h"

enum { SPEC_MAX = 4 << 20 };

bool
load_file(const char *path, size_t max, struct str *to)
{
	struct err e = {0};
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

	if (file_read(fd, path, max, to, &e))
		return true;
	cli_error("cannot read '%s': %s", path,
		  errno == EFBIG ? "the file is too large" : strerror(errno));
	str_release(to);
	return false;
}

static const char *load_environment(const char *name) { return getenv(name); }

/* Print a line that an inventory logs. */
static void
load_say(void *arg, const char *line)
{
	struct str safe = {0};

	(void)arg;
	str_safe(&safe, line, strlen(line));
	fprintf(stderr, "%s\n", str_text(&safe));
	str_release(&safe);
}

static void
load_unpacks(const char *path)
{
	fprintf(stderr, "reading '%s', which is packed: this takes long, but only once\n", path);
}

/* The archive of the image on this machine: is it there, and which image has it? Only a command that may
 * start the engine waits until one that is packed was read. */
static void
load_archive(struct arena *a, const struct cli *cli, struct spec *spec, struct diags *d)
{
	struct spec_engine *e = &spec->engine;
	const char *path = spec_archive_here(a, spec);
	struct err why = {0};
	struct stat st;

	if (!path)
		return;
	if (stat(path, &st) < 0)
		diag_error(d, e->image_archive.at, "cannot read '%s' on this machine: %s (a file of the nodes has "
			   "an absolute path)", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || access(path, R_OK) < 0)
		diag_error(d, e->image_archive.at, "'%s' is not a file that can be read", path);
	else if (e->image.text && !run_archive(a, path, &st, e->image.text, cli->command->hooks ? load_unpacks : NULL,
					       &e->archive_proof, &why))
		diag_error(d, e->image_archive.at, "%s", why.text);
	else
		e->archive_stamp = arena_printf(a, "%lld-%lld", (long long)st.st_size, (long long)st.st_mtime);
}

int
compile_text(struct compiled *c, const struct cli *cli, const char *name, const char *text,
	     size_t n)
{
	struct inventory_view view = {.say = load_say, .quiet = cli_quiet(cli)};
	const struct spec_world world = {.env = load_environment, .inventory = inventory_run,
		.arg = &view};
	size_t errors;

	c->diags.arena = &c->arena;
	c->src = (struct source){.name = arena_strdup(&c->arena, name),
		.text = arena_strndup(&c->arena, text, n), .len = n};
	c->spec = spec_read_in(&c->arena, &c->src, &world, &c->diags);
	if (c->spec) {
		carry_load(&c->arena, c->spec, &c->diags);
		c->modules = modules_load(&c->arena, c->spec, &c->diags);
		load_archive(&c->arena, cli, c->spec, &c->diags);
		c->cluster = cluster_compile(&c->arena, c->spec, &c->diags);
	}
	/* Other commands find circles when they build the graph. */
	if (c->cluster && cli->command->quiet)
		compile_check_circles(&c->arena, c->cluster, &c->diags);
	errors = diag_print(&c->diags, stderr, cli->color_err);
	if (errors > 0)
		fprintf(stderr, "%zu error%s", errors, errors == 1 ? "" : "s");
	if (errors > 0 && c->diags.nwarning > 0)
		fprintf(stderr, ", %zu warning%s", c->diags.nwarning,
			c->diags.nwarning == 1 ? "" : "s");
	if (errors > 0)
		fputc('\n', stderr);
	return errors == 0 && c->cluster ? EXIT_DONE : EXIT_ERROR;
}

int
compile_file(struct compiled *c, const struct cli *cli)
{
	struct str text = {0};
	int code;

	*c = (struct compiled){0};
	if (!load_file(cli->file, SPEC_MAX, &text)) {
		if (!cli->file_given && access(cli->file, F_OK) < 0)
			fputs("hint: 'dray init' writes a first cluster.yaml, -f FILE names another\n",
			      stderr);
		return EXIT_ERROR;
	}
	code = compile_text(c, cli, strcmp(cli->file, "-") == 0 ? "<stdin>" : cli->file, str_text(&text),
			    text.len);
	str_release(&text);
	return code;
}

int
compiled_no_node(struct compiled *c, const char *name)
{
	const char **names = arena_calloc(&c->arena, c->cluster->nspec + 1, sizeof *names);

	for (size_t i = 0; i < c->cluster->nspec; i++)
		names[i] = c->cluster->node[i].name;
	cli_error("there is no node '%s' in the spec%s", name,
		  diag_hint(&c->arena, name, names, c->cluster->nspec));
	return EXIT_USAGE;
}

void
compiled_release(struct compiled *c)
{
	modules_free(c->modules);
	arena_release(&c->arena);
}
