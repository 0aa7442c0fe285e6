/*
 * What git knows about the spec: the commit, and whether the commit has these bytes. A
 * repository is untrusted input: its configuration names programs (core.fsmonitor, filters,
 * hooks, transports), and most git commands write to it. So the index is never read, and
 * nothing is refreshed, filtered or fetched: git prints the file of the commit, and it is
 * compared here.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/load.h"
#include "executors/io/child.h"
#include "executors/io/loop.h"
#include "executors/io/patience.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"

enum { GIT_MAX = 4 << 20 };

/* The environment without GIT_DIR and similar variables, which may point anywhere. free() it. */
static char **
git_env(void)
{
	static const char *const own[] = {
		"GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none", "GIT_TERMINAL_PROMPT=0",
		"GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1", "GIT_PAGER=cat", "LC_ALL=C",
	};
	size_t n = 0;
	char **env;

	while (environ[n])
		n++;
	env = xcalloc(n + countof(own) + 1, sizeof *env);
	n = 0;
	for (size_t i = 0; environ[i]; i++)
		if (strncmp(environ[i], "GIT_", 4) != 0 && strncmp(environ[i], "LC_ALL=", 7) != 0)
			env[n++] = environ[i];
	for (size_t i = 0; i < countof(own); i++)
		env[n++] = (char *)(intptr_t)own[i];
	return env;
}

static bool
git(const char *dir, const char *const words[3], long long deadline, struct str *to)
{
	/* Options for settings where the repository's configuration wins over the environment. */
	const char *argv[] = {"git", "--no-pager", "--no-optional-locks", "--no-replace-objects",
		"-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "-c", "core.sshCommand=false",
		"-c", "core.gitProxy=false", "-c", "core.alternateRefsCommand=false",
		"-c", "core.untrackedCache=false", "-c", "credential.helper=",
		"-c", "protocol.allow=never", "-c", "safe.bareRepository=explicit",
		"-C", dir, words[0], words[1], words[2], NULL};
	char **env = git_env();
	const struct capture how = {.argv = (char *const *)(intptr_t)argv, .env = env, .alone = true,
		.ms = (long)(deadline - loop_clock()), .max = GIT_MAX};
	struct err ignored = {0};
	int status = 1;
	bool ok = child_capture(&how, to, &status, &ignored);

	free(env);
	return ok && status == 0 && to->len <= GIT_MAX;
}

/* Are the bytes the same, except for line ends that a checkout may change (core.autocrlf)? */
static bool
git_same_text(const char *x, size_t nx, const char *y, size_t ny)
{
	size_t i = 0, k = 0;

	for (; i < nx && k < ny; i++, k++) {
		i += x[i] == '\r' && i + 1 < nx && x[i + 1] == '\n';
		k += y[k] == '\r' && k + 1 < ny && y[k + 1] == '\n';
		if (x[i] != y[k])
			return false;
	}
	return i == nx && k == ny;
}

const char *
git_note(struct arena *a, const char *path, const char *text, size_t n)
{
	long long deadline = loop_clock() + patience.git * 1000LL;
	struct str commit = {0}, bytes = {0};
	char *real = realpath(path, NULL);      /* a link is followed */
	char *slash = real ? strrchr(real, '/') : NULL;
	const char *note = "", *dir, *object, *id;

	if (!slash)
		goto out;
	dir = arena_strndup(a, real, (size_t)(slash - real) + 1);
	object = arena_printf(a, "HEAD:./%s", slash + 1);
	if (git(dir, (const char *const[]){"rev-parse", "--short", "HEAD"}, deadline, &commit) &&
	    git(dir, (const char *const[]){"cat-file", "blob", object}, deadline, &bytes)) {
		id = str_text(&commit);
		size_t len = strspn(id, "0123456789abcdef");

		if (len >= 4 && len <= 64 && (id[len] == '\n' || !id[len]))
			note = arena_printf(a, "git %.*s, %s", (int)len, id,
					    git_same_text(str_text(&bytes), bytes.len, text, n)
						    ? "clean" : "changed");
	}
out:
	free(real);
	str_release(&commit);
	str_release(&bytes);
	return note;
}
