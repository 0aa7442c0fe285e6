/* Starting a program on this machine. */
#include "executors/io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executors/io/loop.h"
#include "planner/base/arena.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"

enum { TICK_MS = 50, KILLED_MS = 1000 };

/* The part of our environment that a child gets: enough to be the user, but nothing that
 * makes a plan depend on the terminal it was made in. */
static char **
child_clean_env(void)
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

/* Does one of `set` replace this variable? */
static bool
child_is_set(const char *pair, const char *const *set)
{
	size_t n = strcspn(pair, "=") + 1;

	for (; *set; set++)
		if (strncmp(*set, pair, n) == 0)
			return true;
	return false;
}

/* All of our environment, changed by how->set. */
static char **
child_whole_env(const struct child_how *how)
{
	size_t n = 0, to = 0;
	char **env;

	for (char **v = environ; *v; v++)
		n++;
	for (const char *const *v = how->set; *v; v++)
		n++;
	env = xcalloc(n + 1, sizeof *env);
	for (char **v = environ; *v; v++)
		if (!child_is_set(*v, how->set))
			env[to++] = xstrdup(*v);
	for (const char *const *v = how->set; *v; v++)
		env[to++] = xstrdup(*v);
	return env;
}

static bool
child_make_pipes(int p[6])
{
	for (int i = 0; i < 6; i += 2) {
		if (pipe2(p + i, O_CLOEXEC) < 0)
			return false;
	}
	/* Our ends do not block; the child's ends are ordinary pipes. */
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

/* Read by the signal handler. The signals are blocked while the list changes. */
static pid_t *living;
static size_t nliving, capliving;
static int ends_with;

static void
child_end(int signal)
{
	(void)signal;
	for (size_t i = 0; i < nliving; i++) {
		kill(living[i], SIGHUP);
		kill(living[i], SIGTERM);
		kill(living[i], SIGCONT);       /* a stopped process acts on neither */
	}
	_exit(ends_with);
}

/* (A blocked signal stays pending even if it is ignored, so an ignored one must not be in the
 * set.) */
void
child_interrupt_signals(sigset_t *set)
{
	struct sigaction hangup;

	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(set, SIGHUP);
}

void
child_interrupts(int status)
{
	struct sigaction act = {.sa_handler = child_end, .sa_flags = SA_RESTART};

	child_interrupt_signals(&act.sa_mask);
	ends_with = status;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	if (sigismember(&act.sa_mask, SIGHUP))
		sigaction(SIGHUP, &act, NULL);
}

void
child_lives(pid_t pid)
{
	sigset_t set, old;

	child_interrupt_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	if (nliving == capliving) {
		capliving = capliving ? capliving * 2 : 16;
		living = xrealloc(living, capliving * sizeof *living);
	}
	living[nliving++] = pid;
	sigprocmask(SIG_SETMASK, &old, NULL);
}

void
child_reaped(pid_t pid)
{
	sigset_t set, old;

	child_interrupt_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	for (size_t i = 0; i < nliving; i++)
		if (living[i] == pid) {
			living[i] = living[--nliving];
			break;
		}
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* The limit we were started with; rlim_cur is 0 if it was not raised. */
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

/* Programs that use select() break with a limit above 1024, so children get the old one. */
int
child_spawn(pid_t *pid, char *const argv[], posix_spawn_file_actions_t *act,
	    const posix_spawnattr_t *attr, char *const env[])
{
	struct rlimit ours;
	bool raised = started_with.rlim_cur && getrlimit(RLIMIT_NOFILE, &ours) == 0;
	int code;

	/* Our descriptors are closed on exec, but a library's may not be. */
	posix_spawn_file_actions_addclosefrom_np(act, STDERR_FILENO + 1);
	if (raised)
		setrlimit(RLIMIT_NOFILE, &started_with);
	code = posix_spawnp(pid, argv[0], act, attr, argv, env);
	if (raised)
		setrlimit(RLIMIT_NOFILE, &ours);
	return code;
}

/* p is stdin, stdout, stderr as pairs (read end, write end). */
static bool
child_spawn_all(const struct child_how *how, const int p[6], pid_t *pid, struct err *e)
{
	char **own = !how->whole_env ? child_clean_env() : how->set ? child_whole_env(how) : NULL;
	const char *dir = how->dir ? how->dir : getenv("HOME");
	posix_spawn_file_actions_t act;
	posix_spawnattr_t attr;

	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_adddup2(&act, p[0], 0);
	posix_spawn_file_actions_adddup2(&act, p[3], 1);
	posix_spawn_file_actions_adddup2(&act, p[5], 2);
	/* A login over ssh starts in the home directory, too. */
	if (dir && access(dir, X_OK) == 0)
		posix_spawn_file_actions_addchdir_np(&act, dir);
	child_attr(&attr, true);
	errno = child_spawn(pid, (char *const *)(intptr_t)how->argv, &act, &attr,
			    own ? own : environ);
	bool ok = errno == 0 || err_sys(e, "start '%s'", how->argv[0]);

	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&act);
	for (size_t i = 0; own && own[i]; i++)
		free(own[i]);
	free(own);
	return ok;
}

bool
child_start(struct child *c, const struct child_how *how, struct err *e)
{
	int p[6] = {-1, -1, -1, -1, -1, -1};
	bool ok = (child_make_pipes(p) || err_sys(e, "make pipes")) &&
		  child_spawn_all(how, p, &c->pid, e);

	if (ok) {
		*c = (struct child){.pid = c->pid, .pidfd = pidfd_open(c->pid, 0),
				    .in = p[1], .out = p[2], .err = p[4]};
		if (c->pidfd < 0) {
			ok = err_sys(e, "watch '%s'", how->argv[0]);
			kill(-c->pid, SIGKILL);
			waitpid(c->pid, NULL, 0);
		} else {
			p[1] = p[2] = p[4] = -1;
			child_lives(-c->pid);
		}
	}
	for (int i = 0; i < 6; i++) {
		if (p[i] >= 0)
			close(p[i]);
	}
	return ok;
}

/* ---- run to the end, outside the loop ---- */

/* Is a Ctrl-C pending that the loop has not read yet? */
static bool
child_is_interrupted(void)
{
	sigset_t waits;

	return sigpending(&waits) == 0 && (sigismember(&waits, SIGINT) || sigismember(&waits, SIGTERM) ||
					   sigismember(&waits, SIGHUP));
}

/* Wait until one of them is ready; false at the deadline or after a Ctrl-C. */
static bool
child_wait_for(struct pollfd *p, nfds_t n, const struct capture *c, long long deadline, struct err *e)
{
	for (;;) {
		long long left = deadline - loop_clock();

		if (child_is_interrupted())
			return err_set(e, "interrupted");
		if (left <= 0)
			return err_set(e, "it did not end within %ld s", c->ms / 1000);
		if (poll(p, n, left < TICK_MS ? (int)left : TICK_MS) > 0)
			return true;
	}
}

/* Read fd until its end or the end of the program. A process that the program left running
 * may hold the pipe open for ever. */
static bool
child_take_all(int fd, int pidfd, const struct capture *c, long long deadline, struct str *to,
	       struct err *e)
{
	char buf[4096];

	while (to->len <= c->max) {
		struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
		ssize_t n;

		if (!child_wait_for(p, 2, c, deadline, e))
			return false;
		/* The program ended. It may have written after poll() looked at fd. */
		if (!p[0].revents && poll(p, 1, 0) <= 0)
			return true;
		n = read(fd, buf, sizeof buf);
		if (n > 0)
			str_add(to, buf, (size_t)n);
		explicit_bzero(buf, sizeof buf);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return err_sys(e, "read");
	}
	return true;
}

static bool
child_start_captured(const struct capture *c, int out, pid_t *pid, struct err *e)
{
	posix_spawn_file_actions_t act;
	posix_spawnattr_t attr;
	bool ok;

	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_addopen(&act, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&act, out, STDOUT_FILENO);
	if (c->alone)
		posix_spawn_file_actions_addopen(&act, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	child_attr(&attr, c->alone);
	errno = child_spawn(pid, c->argv, &act, &attr, c->env);
	ok = errno == 0 || err_sys(e, "start '%s'", c->argv[0]);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&act);
	return ok;
}

bool
child_capture(const struct capture *c, struct str *to, int *status, struct err *e)
{
	long long deadline = loop_clock() + c->ms;
	struct pollfd ended = {.fd = -1, .events = POLLIN};
	int fds[2];
	pid_t pid = 0, all;
	bool ok;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	ok = child_start_captured(c, fds[1], &pid, e);
	close(fds[1]);
	if (ok) {
		all = c->alone ? -pid : pid;
		child_lives(all);
		ended.fd = pidfd_open(pid, 0);
		ok = ended.fd < 0 ? err_sys(e, "watch it")
		   : child_take_all(fds[0], ended.fd, c, deadline, to, e);
		if (!ok || to->len > c->max)
			kill(all, SIGKILL);
		/* A program may close its stdout long before it ends. One that hangs in the kernel
		 * (a dead NFS) is left behind. */
		if (ok && !child_wait_for(&ended, 1, c, deadline, e)) {
			kill(all, SIGKILL);
			ok = false;
		}
		if (!ok && ended.fd >= 0)
			poll(&ended, 1, KILLED_MS);
		waitpid(pid, status, WNOHANG);
		child_reaped(all);
		if (ended.fd >= 0)
			close(ended.fd);
	}
	close(fds[0]);
	return ok;
}
