/* Starting a program on this machine. */
#include "executors/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "planner/base/arena.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"

/* What a child sees of our environment: enough to be the user, not enough to make a
 * plan depend on the terminal it was made in. */
static char **
clean_env(void)
{
	static const char *const keep[] = {
		"HOME", "PATH", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE",
		"TZ", "TMPDIR", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "DOCKER_HOST",
		"DOCKER_CONTEXT", "DOCKER_CONFIG",
	};
	char **env = xcalloc(countof(keep) + 1, sizeof *env);
	size_t n = 0;

	for (size_t i = 0; i < countof(keep); i++) {
		const char *v = getenv(keep[i]);
		struct str s = {0};

		if (!v)
			continue;
		str_printf(&s, "%s=%s", keep[i], v);
		env[n++] = s.buf;
	}
	return env;
}

static bool
make_pipes(int p[6])
{
	for (int i = 0; i < 6; i += 2) {
		if (pipe2(p + i, O_CLOEXEC) < 0)
			return false;
	}
	/* Ours do not block; the child's ends are ordinary pipes. */
	return fcntl(p[1], F_SETFL, O_NONBLOCK) == 0 &&
	       fcntl(p[2], F_SETFL, O_NONBLOCK) == 0 &&
	       fcntl(p[4], F_SETFL, O_NONBLOCK) == 0;
}

void
child_attr(posix_spawnattr_t *attr, bool group)
{
	sigset_t none, pipes;

	sigemptyset(&none);
	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	posix_spawnattr_init(attr);
	posix_spawnattr_setflags(attr, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
					       (group ? POSIX_SPAWN_SETPGROUP : 0)));
	posix_spawnattr_setpgroup(attr, 0);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &pipes);
}

/* What we were started with; rlim_cur 0: it was not raised. */
static struct rlimit started_with;

void
child_raise_limit(void)
{
	struct rlimit now;

	if (started_with.rlim_cur || getrlimit(RLIMIT_NOFILE, &now) != 0 ||
	    now.rlim_cur == now.rlim_max)
		return;
	if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){now.rlim_max, now.rlim_max}) == 0)
		started_with = now;
}

/* A limit above 1024 is for programs that know no select(): ours is nobody else's. */
int
child_spawn(pid_t *pid, char *const argv[], const posix_spawn_file_actions_t *act,
	    const posix_spawnattr_t *attr, char *const env[])
{
	struct rlimit ours;
	bool raised = started_with.rlim_cur && getrlimit(RLIMIT_NOFILE, &ours) == 0;
	int code;

	if (raised)
		setrlimit(RLIMIT_NOFILE, &started_with);
	code = posix_spawnp(pid, argv[0], act, attr, argv, env);
	if (raised)
		setrlimit(RLIMIT_NOFILE, &ours);
	return code;
}

/* p is stdin, stdout, stderr as pairs (read end, write end). */
static bool
spawn(const struct child_how *how, const int p[6], pid_t *pid, struct err *e)
{
	char **clean = how->whole_env ? NULL : clean_env();
	const char *dir = how->dir ? how->dir : getenv("HOME");
	posix_spawn_file_actions_t act;
	posix_spawnattr_t attr;

	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_adddup2(&act, p[0], 0);
	posix_spawn_file_actions_adddup2(&act, p[3], 1);
	posix_spawn_file_actions_adddup2(&act, p[5], 2);
	/* Home is where a login over ssh would start, too. */
	if (dir && access(dir, X_OK) == 0)
		posix_spawn_file_actions_addchdir_np(&act, dir);
	child_attr(&attr, true);
	errno = child_spawn(pid, (char *const *)(intptr_t)how->argv, &act, &attr,
			    clean ? clean : environ);
	bool ok = errno == 0 || err_sys(e, "start '%s'", how->argv[0]);

	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&act);
	for (size_t i = 0; clean && clean[i]; i++)
		free(clean[i]);
	free(clean);
	return ok;
}

bool
child_start(struct child *c, const struct child_how *how, struct err *e)
{
	int p[6] = {-1, -1, -1, -1, -1, -1};
	bool ok = (make_pipes(p) || err_sys(e, "make pipes")) &&
		  spawn(how, p, &c->pid, e);

	if (ok) {
		*c = (struct child){.pid = c->pid, .pidfd = pidfd_open(c->pid, 0),
				    .in = p[1], .out = p[2], .err = p[4]};
		if (c->pidfd < 0) {
			ok = err_sys(e, "watch '%s'", how->argv[0]);
			kill(-c->pid, SIGKILL);
			waitpid(c->pid, NULL, 0);
		} else {
			p[1] = p[2] = p[4] = -1;
		}
	}
	for (int i = 0; i < 6; i++) {
		if (p[i] >= 0)
			close(p[i]);
	}
	return ok;
}
