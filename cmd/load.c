/* Reading files, and from a spec file to a model. */
#include "cmd/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executors/child.h"
#include "executors/inventory.h"
#include "planner/base/str.h"

extern char **environ;

enum { SPEC_MAX = 4 << 20 };

char *
file_read(const char *path, size_t max, size_t *n, const char **why)
{
	struct str text = {.max = max};
	char block[65536];
	ssize_t got;
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		*why = strerror(errno);
		return NULL;
	}
	str_add(&text, "", 0);
	while ((got = read(fd, block, sizeof block)) > 0 && !text.cut)
		str_add(&text, block, (size_t)got);
	if (got < 0)
		*why = strerror(errno);
	else if (text.cut)
		*why = "the file is too large";
	close(fd);
	if (got < 0 || text.cut) {
		str_release(&text);
		return NULL;
	}
	*n = text.len;
	return text.buf;
}

static bool
write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, text, n);

		if (put <= 0)
			return false;
		text += put;
		n -= (size_t)put;
	}
	return true;
}

bool
file_write(const char *path, const char *text, size_t n, unsigned mode)
{
	struct str tmp = {0};
	struct stat st;
	bool ok;
	int fd;

	/* /dev/stdout and the like are written into, never replaced. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		fd = open(path, O_WRONLY | O_CLOEXEC);
		ok = fd >= 0 && write_all(fd, text, n);
		return (fd < 0 || close(fd) == 0) && ok;
	}
	str_printf(&tmp, "%s.%ld.tmp", path, (long)getpid());
	fd = open(tmp.buf, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	ok = fd >= 0 && write_all(fd, text, n) && fsync(fd) == 0;
	if (fd >= 0 && close(fd) != 0)
		ok = false;
	ok = ok && rename(tmp.buf, path) == 0;
	if (!ok && fd >= 0) {
		int code = errno;

		unlink(tmp.buf);
		errno = code;
	}
	str_release(&tmp);
	return ok;
}

/* What `git ARGS` prints, up to 200 bytes; false when it fails. */
static bool
git(const char *const argv[], char *out, size_t size)
{
	posix_spawn_file_actions_t actions;
	int pipes[2], status;
	size_t n = 0;
	ssize_t got = 0;
	pid_t pid;
	char drop[512];
	bool ok;

	if (pipe2(pipes, O_CLOEXEC) != 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	ok = child_spawn(&pid, (char *const *)(intptr_t)argv, &actions, NULL, environ) == 0;
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	while (ok && (got = read(pipes[0], n + 1 < size ? out + n : drop,
				 n + 1 < size ? size - 1 - n : sizeof drop)) > 0)
		if (n + 1 < size)
			n += (size_t)got;
	close(pipes[0]);
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return ok && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

const char *
git_note(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dir = slash ? arena_strndup(a, path, (size_t)(slash - path) + 1) : ".";
	const char *base = slash ? slash + 1 : path;
	char commit[128], state[128];

	if (!git((const char *const[]){"git", "-C", dir, "ls-files", "--error-unmatch", "--",
				       base, NULL}, state, sizeof state) ||
	    !git((const char *const[]){"git", "-C", dir, "rev-parse", "--short", "HEAD", NULL},
		 commit, sizeof commit) ||
	    !git((const char *const[]){"git", "-C", dir, "status", "--porcelain", "--", base,
				       NULL}, state, sizeof state))
		return "";
	return arena_printf(a, "git %s, %s", commit, *state ? "changed" : "clean");
}

static const char *
environment(const char *name)
{
	return getenv(name);
}

/* What an inventory says of its doings. */
static void
say(void *arg, const char *line)
{
	struct str safe = {0};

	(void)arg;
	str_safe(&safe, line, strlen(line));
	fprintf(stderr, "%s\n", str_text(&safe));
	str_release(&safe);
}

int
compile_text(struct compiled *c, const struct cli *cli, const char *name, const char *text,
	     size_t n)
{
	struct inventory_view view = {.say = say};
	const struct spec_world world = {.env = environment, .inventory = inventory_run,
		.arg = &view};
	size_t errors;

	c->diags.arena = &c->arena;
	c->src = (struct source){.name = arena_strdup(&c->arena, name),
		.text = arena_strndup(&c->arena, text, n), .len = n};
	c->spec = spec_read_in(&c->arena, &c->src, &world, &c->diags);
	if (c->spec) {
		c->modules = modules_load(&c->arena, c->spec, &c->diags);
		c->model = model_build(&c->arena, c->spec, &c->diags);
	}
	errors = diag_print(&c->diags, stderr, cli->color_err);
	if (errors > 0)
		fprintf(stderr, "%zu error%s", errors, errors == 1 ? "" : "s");
	if (errors > 0 && c->diags.nwarning > 0)
		fprintf(stderr, ", %zu warning%s", c->diags.nwarning,
			c->diags.nwarning == 1 ? "" : "s");
	if (errors > 0)
		fputc('\n', stderr);
	return errors == 0 && c->model ? EXIT_DONE : EXIT_ERROR;
}

int
compile_file(struct compiled *c, const struct cli *cli)
{
	const char *why = NULL;
	size_t n;
	char *text = file_read(cli->file, SPEC_MAX, &n, &why);
	int code;

	*c = (struct compiled){0};
	if (!text) {
		cli_error("cannot read '%s': %s", cli->file, why);
		if (!cli->file_given)
			fputs("hint: 'dray init' writes a first cluster.yaml, -f FILE names another\n",
			      stderr);
		return EXIT_ERROR;
	}
	code = compile_text(c, cli, strcmp(cli->file, "-") == 0 ? "<stdin>" : cli->file, text, n);
	free(text);
	return code;
}

void
compiled_release(struct compiled *c)
{
	modules_free(c->modules);
	arena_release(&c->arena);
}
