/* A command of the user on a node: its output as it comes, its exit status. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/run/run_private.h"
#include "planner/base/hash.h"
#include "planner/base/limits.h"

enum {
	INPUT_MAX = 64 << 20,   /* bytes of stdin, which wait in memory if the node is slow */
};

struct executing {
	struct run *run;
	struct host *host;
	const struct executor *ex;
	struct stream *stream;
	struct execution *how;
	struct err *why;
	char mark[HASH_HEX + 1];        /* begins with a byte that text does not contain */
	struct str held;                /* bytes of stderr that may be a line of exec.sh */
	bool started;                   /* the first line was there */
	long group;                     /* of processes, to end them; 0: not known */
	long status;                    /* -1: not known */
	size_t input;
	unsigned long timer;            /* of stdin that cannot be watched, or of the end */
	bool watching, finished, interrupted, opened;
};

static void
exec_write(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t w = write(fd, bytes, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EAGAIN) {
			struct pollfd p = {.fd = fd, .events = POLLOUT};

			/* Our output is read slowly: wait. */
			poll(&p, 1, -1);
			continue;
		}
		if (w < 0)
			return;
		bytes += w;
		n -= (size_t)w;
	}
}

static void
exec_stop_input(struct executing *x)
{
	if (x->watching)
		loop_fd(x->run->loop, STDIN_FILENO, 0, NULL, NULL);
	x->watching = false;
}

static void
exec_end(struct executing *x)
{
	exec_stop_input(x);
	loop_cancel(x->run->loop, &x->timer);
	x->finished = true;
}

/* ---- stdin ---- */

/* Pass on a part of stdin; false at its end. */
static bool
exec_pass_input(struct executing *x)
{
	char buf[64 * 1024];
	ssize_t n = read(STDIN_FILENO, buf, sizeof buf);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n > 0 && x->input + (size_t)n > INPUT_MAX) {
		err_set(x->why, "stdin has more than %d MiB: copy the file to the node instead", INPUT_MAX >> 20);
		x->ex->close(x->stream);
		x->stream = NULL;
		exec_end(x);
		return false;
	}
	if (n > 0) {
		x->input += (size_t)n;
		x->ex->write(x->stream, buf, (size_t)n);
		return true;
	}
	x->ex->eof(x->stream);
	return false;
}

static void
exec_on_input(void *arg, short revents)
{
	struct executing *x = arg;

	(void)revents;
	if (x->stream && !exec_pass_input(x))
		exec_stop_input(x);
}

static void
exec_on_file(void *arg)
{
	struct executing *x = arg;

	x->timer = 0;
	if (x->stream && exec_pass_input(x))
		x->timer = loop_after(x->run->loop, 0, exec_on_file, x);
}

/* The loop can wait for a terminal, a pipe or a socket; a file has its bytes at once. */
static void
exec_take_input(struct executing *x)
{
	struct stat st;
	bool waits = fstat(STDIN_FILENO, &st) == 0 &&
		(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(STDIN_FILENO));

	if (!waits) {
		x->timer = loop_after(x->run->loop, 0, exec_on_file, x);
		return;
	}
	x->watching = true;
	loop_fd(x->run->loop, STDIN_FILENO, POLLIN, exec_on_input, x);
}

/* ---- what it says ---- */

/* A number behind the mark, at the start of a line; -1: none. */
static long
exec_number(const struct executing *x, const char *line, size_t n)
{
	size_t mark = strlen(x->mark);
	char digits[12], *end;
	long number;

	if (n < mark + 2 || n - mark - 1 >= sizeof digits || memcmp(line, x->mark, mark) != 0 || line[mark] != ' ')
		return -1;
	memcpy(digits, line + mark + 1, n - mark - 1);
	digits[n - mark - 1] = '\0';
	number = strtol(digits, &end, 10);
	return *end || number < 0 ? -1 : number;
}

/* The first line says that the command runs, and in which group. What a login prints before it is
 * shown. */
static void
exec_look_for_start(struct executing *x)
{
	char *end;

	while (!x->started && (end = x->held.len ? memchr(x->held.buf, '\n', x->held.len) : NULL)) {
		size_t n = (size_t)(end - x->held.buf);
		long group = exec_number(x, x->held.buf, n);

		x->started = group >= 0;
		if (x->started)
			x->group = group > 1 ? group : 0;
		else
			exec_write(STDERR_FILENO, x->held.buf, n + 1);
		str_drop(&x->held, n + 1);
	}
}

/* Where exec.sh's last line, or the part of it that has come, begins in the held bytes; held.len: it
 * is not there. */
static size_t
exec_last_line(const struct executing *x)
{
	size_t mark = strlen(x->mark), n = x->held.len;
	const char *s = str_text(&x->held), *at = memchr(s, *x->mark, n);

	for (; at; at = memchr(at + 1, *x->mark, n - (size_t)(at + 1 - s))) {
		size_t left = n - (size_t)(at - s);

		if (memcmp(at, x->mark, left < mark ? left : mark) == 0)
			return (size_t)(at - s);
	}
	return n;
}

static void
exec_on_data(void *arg, const char *bytes, size_t n, bool is_stderr)
{
	struct executing *x = arg;

	if (!is_stderr) {
		exec_write(STDOUT_FILENO, bytes, n);
		return;
	}
	str_add(&x->held, bytes, n);
	exec_look_for_start(x);
	if (!x->started && x->held.len <= sizeof x->mark + 12)
		return;
	n = exec_last_line(x);
	exec_write(STDERR_FILENO, x->held.buf, n);
	str_drop(&x->held, n);
}

/* What is held at the end is exec.sh's last line, or the command's. */
static void
exec_take_status(struct executing *x)
{
	size_t n = x->held.len, from = exec_last_line(x);
	const char *s = str_text(&x->held);

	if (n > from && s[n - 1] == '\n')
		x->status = exec_number(x, s + from, n - 1 - from);
	exec_write(STDERR_FILENO, s, x->status < 0 ? n : from);
}

static void
exec_on_closed(void *arg, const struct err *e)
{
	struct executing *x = arg;

	exec_take_status(x);
	if (x->status < 0 && !x->interrupted)
		err_set(x->why, "the command's end is not known: %s", e ? e->text : "its connection was closed");
	exec_end(x);
}

/* ---- Ctrl-C ---- */

static void
exec_on_killed(struct ask *ask)
{
	exec_end(ask->owner);
}

static void
exec_on_interrupt(void *arg, int count)
{
	struct executing *x = arg;
	struct arena *a = x->how->arena;
	/* The script gets another name, because the session itself frees requests named "kill". */
	struct script *script = ar_new(a, struct script);
	struct task task = {.type = TASK_SCRIPT, .script = script, .timeout_s = KILLED_LIMIT};

	*script = (struct script){"kill-command", script_get("kill")->text};
	x->interrupted = true;
	exec_stop_input(x);
	if (count > 1 || !x->group || host_lost(x->host)) {
		exec_end(x);
		return;
	}
	task_arg(a, &task, "pid", arena_printf(a, "%ld", x->group));
	run_ask(x->run, x->host, &task, exec_on_killed, x);
}

/* ---- the start ---- */

/* The command line is one word in single quotes, which any login shell passes on. It reads the rest
 * from stdin. */
static bool
exec_send(struct executing *x)
{
	static const struct stream_events events = {.data = exec_on_data, .closed = exec_on_closed};
	struct str text = {0};
	char command[120];

	str_puts(&text, "exec sh -c ");
	str_shquote(&text, script_get("exec")->text);
	str_printf(&text, " exec mark=%s --", x->mark);
	for (char *const *word = x->how->argv; *word; word++) {
		str_putc(&text, ' ');
		str_shquote(&text, *word);
	}
	snprintf(command, sizeof command, "exec sh -c 'IFS=;set -f;eval $(exec dd bs=1 count=%zu 2>/dev/null)'",
		 text.len);
	x->ex = session_executor(x->host->session);
	x->stream = session_exec(x->host->session, command, &events, x);
	if (x->stream)
		x->ex->write(x->stream, text.buf, text.len);
	str_release(&text);
	return x->stream || err_set(x->why, "the connection is gone");
}

static void
exec_on_ready(struct ask *ask)
{
	struct executing *x = ask->owner;
	const struct result *r = &ask->request.result;

	x->opened = true;
	if (!r->ran) {
		*x->why = x->host->err.text[0] ? x->host->err : r->why;
		exec_end(x);
	} else if (!x->interrupted && exec_send(x)) {
		exec_take_input(x);
	} else {
		exec_end(x);
	}
}

int
run_exec(struct run *r, const struct node *node, struct execution *how, struct err *e)
{
	struct executing x = {.run = r, .how = how, .why = e, .status = -1, .host = run_host(r, node)};
	struct task task = {.type = TASK_SCRIPT, .script = script_get("state"), .timeout_s = START_LIMIT};

	*x.mark = '\036';
	hash_random(x.mark + 1);
	loop_interrupt(r->loop, exec_on_interrupt, &x);
	/* The first request opens the session. */
	run_ask(r, x.host, &task, exec_on_ready, &x);
	loop_run(r->loop, &x.finished);
	loop_interrupt(r->loop, NULL, NULL);
	if (x.stream)
		x.ex->close(x.stream);
	str_release(&x.held);
	how->interrupted = x.interrupted;
	return x.status < 0 ? -1 : (int)(x.status & 0xff);
}
