/* The executor that a Lua file describes: connect(node) names a program whose stdin and
 * stdout are a shell on the node. Each stream has its own program. The first one starts with
 * the link, which is ready when that program has answered. */
#include "executors/io/patience.h"
#include "executors/program/handshake.h"
#include "executors/program/lua_file.h"
#include "executors/program/local_stream.h"
#include "planner/base/task.h"

#include <stdlib.h>
#include <string.h>

/* What the Lua file said about the node; the owner of the link. */
struct lua_route {
	struct arena arena;
	struct node node;               /* a copy: the cluster's nodes may move */
	const char *const *argv;
	const char *file;               /* as the spec has it */
	const char *folder;
	int timeout_s;
	struct channel *first;          /* has answered and has no user yet */
};

/* One program and the user of its stream. */
struct channel {
	struct link *link;
	struct stream *stream;
	struct handshake handshake;
	const char *program;
	struct stream_events events;    /* of the user */
	void *arg;
	unsigned long timer;
	bool used;                      /* there is a user */
	bool tunnel;                    /* errors show its last lines */
};

static struct lua_route *
lua_route_of(const struct channel *t)
{
	return local_stream_owner(t->link);
}

static void
lua_channel_free(void *arg)
{
	struct channel *t = arg;

	loop_cancel(local_stream_loop(t->link), &t->timer);
	handshake_release(&t->handshake);
	free(t);
}

/* "...; it said: WORDS" */
static void
lua_add_words(const struct channel *t, struct err *e)
{
	struct str words = {0};
	struct err why = *e;

	if (*handshake_words(&t->handshake, t->tunnel ? 2 : 1, &words))
		err_set(e, "%.400s; it said: %s", why.text, words.buf);
	str_release(&words);
}

/* The command with which the user can try it by hand. */
static void
lua_add_hint(const struct channel *t, struct err *e)
{
	struct str line = {0};

	for (const char *const *word = lua_route_of(t)->argv; *word; word++) {
		str_puts(&line, word == lua_route_of(t)->argv ? "" : " ");
		if (**word && !(*word)[strspn(*word, "abcdefghijklmnopqrstuvwxyz-_=/.:@,0123456789"
						    "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
			str_puts(&line, *word);
		else
			str_shquote(&line, *word);
	}
	if (line.len < 400)
		err_hint(e, "try the command of '%s' by hand: echo hostname | %s",
			 lua_route_of(t)->file, line.buf);
	str_release(&line);
}

static void
lua_late(void *arg)
{
	struct channel *t = arg;
	struct err e = {0};

	t->timer = 0;
	err_set(&e, "'%s' did not start a shell within %d "
		    "s", t->program, lua_route_of(t)->timeout_s);
	lua_add_words(t, &e);
	lua_add_hint(t, &e);
	local_stream_fail(t->stream, &e);
}

static void
lua_on_opened(void *arg)
{
	struct channel *t = arg;

	/* A tunnel with its own program has no handshake. */
	if (t->handshake.open && t->events.opened)
		t->events.opened(t->arg);
}

static void
lua_on_answer(struct channel *t)
{
	struct lua_route *w = lua_route_of(t);
	struct err e = {0};

	loop_cancel(local_stream_loop(t->link), &t->timer);
	if (t->handshake.terminal) {
		err_set(&e, "'%s' uses a terminal, which changes bytes (remove -t, --tty or "
			    "--pty)", t->program);
		local_stream_fail(t->stream, &e);
		return;
	}
	if (!t->used) {
		w->first = t;
		local_stream_tell(t->link, NULL);
		return;
	}
	local_stream_hold(t->stream, false);
	if (t->events.opened)
		t->events.opened(t->arg);
}

static void
lua_on_data(void *arg, const char *bytes, size_t n, bool is_stderr)
{
	struct channel *t = arg;
	bool was_open = t->handshake.open;

	if (is_stderr)
		handshake_hear(&t->handshake, bytes, n);
	if (!was_open && (is_stderr || !handshake_feed(&t->handshake, &bytes, &n)))
		return;
	/* The user may close the stream in opened(), and gets no data then. */
	if (!was_open)
		lua_on_answer(t);
	if (n && t->used && local_stream_alive(t->stream) && t->events.data)
		t->events.data(t->arg, bytes, n, is_stderr);
}

/* The error that the end of the program means; false: it ended cleanly. */
static bool
lua_end_of(const struct channel *t, struct err *e)
{
	int status = local_stream_status(t->stream);
	const char *when = t->handshake.open ? "" : " before the shell started";

	if (status == 0 && t->handshake.open)
		return false;
	if (status >= 0)
		err_set(e, "'%s' ended with status %d%s", t->program, status, when);
	else
		err_set(e, "'%s' was killed by signal %d%s", t->program, -status, when);
	if (!t->handshake.open || t->tunnel)
		lua_add_words(t, e);
	return true;
}

static void
lua_on_closed(void *arg, const struct err *why)
{
	struct channel *t = arg;
	struct lua_route *w = lua_route_of(t);
	struct err e = {0};

	loop_cancel(local_stream_loop(t->link), &t->timer);
	if (!why && lua_end_of(t, &e))
		why = &e;
	if (t->used) {
		if (t->events.closed)
			t->events.closed(t->arg, why);
		return;
	}
	/* It is the first one and has no user yet. If it ends before it was asked for anything,
	 * exec() starts another one. */
	if (t->handshake.open && w->first == t) {
		w->first = NULL;
	} else if (why) {
		if (why == &e)
			lua_add_hint(t, &e);
		local_stream_tell(t->link, why);
	}
	local_stream_close(t->stream);
}

/* Start a program. Without argv the stream only reports `why`. */
static struct channel *
lua_channel_start(struct link *k, const char *const *argv, const struct err *why)
{
	static const struct stream_events ours = {lua_on_opened, lua_on_data, lua_on_closed};
	const struct lua_route *w = local_stream_owner(k);
	struct channel *t = xcalloc(1, sizeof *t);

	*t = (struct channel){.link = k, .program = argv ? argv[0] : ""};
	t->stream = argv ? local_stream_start(k, &(struct child_how){.argv = argv, .dir = w->folder,
							     .whole_env = true}, &ours, t)
			 : local_stream_refuse(k, why, &ours, t);
	local_stream_owns(t->stream, lua_channel_free);
	return t;
}

static void
lua_channel_use(struct channel *t, const struct stream_events *events, void *arg)
{
	t->used = true;
	t->events = *events;
	t->arg = arg;
}

/* Send the line. What the user writes waits for the answer. */
static void
lua_channel_ask(struct channel *t, const char *command)
{
	struct str line = {0};
	char random[HASH_HEX];

	hash_random(random);
	handshake_again(&t->handshake, random);
	handshake_line(&t->handshake, command, &line);
	local_stream_hold(t->stream, false);
	local_stream_write(t->stream, line.buf, line.len);
	local_stream_hold(t->stream, true);
	t->timer = loop_after(local_stream_loop(t->link), lua_route_of(t)->timeout_s * 1000L,
			      lua_late, t);
	str_release(&line);
}

static struct stream *
lua_exec(struct link *k, const char *command, const struct stream_events *events, void *arg)
{
	struct lua_route *w = local_stream_owner(k);
	struct channel *t = w->first ? w->first : lua_channel_start(k, w->argv, NULL);

	w->first = NULL;
	lua_channel_use(t, events, arg);
	lua_channel_ask(t, command);
	return t->stream;
}

/* A tunnel through a shell on the node: tunnel.sh uses whatever program can connect. */
static struct stream *
lua_tunnel_by_shell(struct link *k, const char *host, int port, const struct stream_events *events,
		    void *arg)
{
	struct str command = {0};
	struct stream *s;
	struct channel *t;

	str_puts(&command, "exec sh -c ");
	str_shquote(&command, script_get("tunnel")->text);
	str_puts(&command, " tunnel host=");
	str_shquote(&command, host);
	str_printf(&command, " port=%d", port);
	s = lua_exec(k, command.buf, events, arg);
	t = local_stream_arg(s);
	t->tunnel = true;
	str_release(&command);
	return s;
}

static struct stream *
lua_tunnel_open(struct link *k, const char *host, int port, const struct stream_events *events,
		void *arg)
{
	struct lua_route *w = local_stream_owner(k);
	const char *const *argv;
	struct err e = {0};
	struct channel *t;
	bool none;

	argv = lua_tunnel(&w->arena, w->folder, w->file, &w->node, host, port, &none, &e);
	if (none)
		return lua_tunnel_by_shell(k, host, port, events, arg);
	t = lua_channel_start(k, argv, &e);
	lua_channel_use(t, events, arg);
	t->tunnel = t->handshake.open = true;
	return t->stream;
}

static void
lua_stream_close(struct stream *s)
{
	struct channel *t = local_stream_arg(s);

	loop_cancel(local_stream_loop(t->link), &t->timer);
	local_stream_close(s);
}

static void
lua_route_free(void *arg)
{
	struct lua_route *w = arg;

	arena_release(&w->arena);
	free(w);
}

/* A Lua file that uses ssh may leave the port to the spec. */
static int
lua_port(const struct node *node)
{
	const struct spec_node *spec = node->spec ? node->spec : node->member;

	return spec && spec->ssh.port.set ? (int)spec->ssh.port.value : 0;
}

static struct link *
lua_open(struct loop *l, const struct node *node, const struct link_events *events, void *arg)
{
	const struct spec_node *spec = node->spec ? node->spec : node->member;
	struct lua_route *w = xcalloc(1, sizeof *w);
	struct link *k = local_stream_link(l, events, arg, w, lua_route_free);
	struct err e = {0};

	w->node = *node;
	w->file = node->executor;
	w->folder = node->folder ? node->folder : ".";
	w->timeout_s = spec && spec->ssh.connect_timeout.set
			       ? (int)spec->ssh.connect_timeout.value : (int)patience.connect;
	w->argv = lua_connect(&w->arena, w->folder, w->file, node, &e);
	if (!w->argv) {
		err_wrap(&e, "executor");
		local_stream_tell(k, &e);
		return k;
	}
	lua_channel_ask(lua_channel_start(k, w->argv, NULL), NULL);
	return k;
}

const struct executor executor_lua = {
	.name = "lua",
	.doc = "a program that is a shell on the node, named by connect(node) of a Lua file",
	.unwatched = true,
	.port = lua_port,
	.open = lua_open,
	.exec = lua_exec,
	.tunnel = lua_tunnel_open,
	.write = local_stream_write,
	.eof = local_stream_eof,
	.close = lua_stream_close,
	.shut = local_stream_shut,
};
