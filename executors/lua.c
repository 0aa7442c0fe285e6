/* The executor whose way to a node is a Lua file: connect(node) names a program whose stdin
 * and stdout are a shell there. One program for each stream; the first one is started with
 * the link, which is ready when that program has answered. */
#include "executors/gate.h"
#include "executors/lua_file.h"
#include "executors/near.h"
#include "planner/task.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TIMEOUT_S = 10 };

/* What the file said of the node, beside the link. */
struct way {
	struct arena arena;
	struct node node;               /* a copy: the model's move */
	const char *const *argv;
	const char *file;               /* as the spec has it */
	const char *folder;
	int timeout_s;
	struct talk *first;             /* has answered, and is nobody's yet */
};

/* One program, and who uses the stream. */
struct talk {
	struct link *link;
	struct stream *stream;
	struct gate gate;
	const char *program;
	struct stream_events events;    /* of the user */
	void *arg;
	unsigned long timer;
	bool used;                      /* there is a user */
	bool tunnel;                    /* its last words are part of its end */
};

static struct way *way_of(const struct talk *t) { return near_owner(t->link); }

static void
talk_free(void *arg)
{
	struct talk *t = arg;

	loop_cancel(near_loop(t->link), t->timer);
	gate_release(&t->gate);
	free(t);
}

/* "...; it said: WORDS" */
static void
add_words(const struct talk *t, struct err *e)
{
	struct str words = {0};
	struct err why = *e;

	if (*gate_words(&t->gate, t->tunnel ? 2 : 1, &words))
		err_set(e, "%.400s; it said: %s", why.text, words.buf);
	str_release(&words);
}

/* How to see for oneself. */
static void
add_hint(const struct talk *t, struct err *e)
{
	struct str line = {0};

	for (const char *const *word = way_of(t)->argv; *word; word++) {
		str_puts(&line, word == way_of(t)->argv ? "" : " ");
		if (**word && !(*word)[strspn(*word, "abcdefghijklmnopqrstuvwxyz-_=/.:@,0123456789"
						    "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
			str_puts(&line, *word);
		else
			str_shquote(&line, *word);
	}
	if (line.len < 400)
		err_hint(e, "try what '%s' asks for by hand: echo hostname | %s", way_of(t)->file,
			 line.buf);
	str_release(&line);
}

static void
late(void *arg)
{
	struct talk *t = arg;
	struct err e = {0};

	t->timer = 0;
	err_set(&e, "'%s' gave no shell within %d s", t->program, way_of(t)->timeout_s);
	add_words(t, &e);
	add_hint(t, &e);
	near_fail(t->stream, &e);
}

static void
on_opened(void *arg)
{
	struct talk *t = arg;

	/* A tunnel by a program of its own has nothing to prove. */
	if (t->gate.open && t->events.opened)
		t->events.opened(t->arg);
}

static void
on_answer(struct talk *t)
{
	struct way *w = way_of(t);
	struct err e = {0};

	loop_cancel(near_loop(t->link), t->timer);
	t->timer = 0;
	if (t->gate.terminal) {
		err_set(&e, "'%s' puts a terminal in between, which changes bytes (leave out -t, "
			    "--tty or --pty)", t->program);
		near_fail(t->stream, &e);
		return;
	}
	if (!t->used) {
		w->first = t;
		near_tell(t->link, NULL);
		return;
	}
	near_hold(t->stream, false);
	if (t->events.opened)
		t->events.opened(t->arg);
}

static void
on_data(void *arg, const char *bytes, size_t n, bool is_stderr)
{
	struct talk *t = arg;
	bool was_open = t->gate.open;

	if (is_stderr)
		gate_hear(&t->gate, bytes, n);
	if (!was_open && (is_stderr || !gate_feed(&t->gate, &bytes, &n)))
		return;
	/* The user may close the stream in opened(): nothing comes then. */
	if (!was_open)
		on_answer(t);
	if (n && t->used && near_alive(t->stream) && t->events.data)
		t->events.data(t->arg, bytes, n, is_stderr);
}

/* What the end of the program means; false: it is a clean one. */
static bool
end_of(const struct talk *t, struct err *e)
{
	int status = near_status(t->stream);
	const char *when = t->gate.open ? "" : " before there was a shell";

	if (status == 0 && t->gate.open)
		return false;
	if (status >= 0)
		err_set(e, "'%s' ended with status %d%s", t->program, status, when);
	else
		err_set(e, "'%s' was killed by signal %d%s", t->program, -status, when);
	if (!t->gate.open || t->tunnel)
		add_words(t, e);
	return true;
}

static void
on_closed(void *arg, const struct err *why)
{
	struct talk *t = arg;
	struct way *w = way_of(t);
	struct err e = {0};

	loop_cancel(near_loop(t->link), t->timer);
	t->timer = 0;
	if (!why && end_of(t, &e))
		why = &e;
	if (t->used) {
		if (t->events.closed)
			t->events.closed(t->arg, why);
		return;
	}
	/* It was the first one. If it ends before it was asked for anything, exec() starts
	 * another. */
	if (t->gate.open && w->first == t) {
		w->first = NULL;
	} else if (why) {
		if (why == &e)
			add_hint(t, &e);
		near_tell(t->link, why);
	}
	near_close(t->stream);
}

/* A program, or, without argv, a stream that only tells why there is none. */
static struct talk *
talk_start(struct link *k, const char *const *argv, const struct err *why)
{
	static const struct stream_events ours = {on_opened, on_data, on_closed};
	const struct way *w = near_owner(k);
	struct talk *t = xcalloc(1, sizeof *t);

	*t = (struct talk){.link = k, .program = argv ? argv[0] : ""};
	t->stream = argv ? near_start(k, &(struct child_how){.argv = argv, .dir = w->folder,
							     .whole_env = true}, &ours, t)
			 : near_refuse(k, why, &ours, t);
	near_owns(t->stream, talk_free);
	return t;
}

static void
talk_use(struct talk *t, const struct stream_events *events, void *arg)
{
	t->used = true;
	t->events = *events;
	t->arg = arg;
}

/* The line goes out, and what the user writes waits behind it. */
static void
talk_ask(struct talk *t, const char *command)
{
	struct str line = {0};
	char random[HASH_HEX];

	hash_random(random);
	gate_again(&t->gate, random);
	gate_line(&t->gate, command, &line);
	near_hold(t->stream, false);
	near_write(t->stream, line.buf, line.len);
	near_hold(t->stream, true);
	t->timer = loop_after(near_loop(t->link), way_of(t)->timeout_s * 1000L, late, t);
	str_release(&line);
}

static struct stream *
lua_exec(struct link *k, const char *command, const struct stream_events *events, void *arg)
{
	struct way *w = near_owner(k);
	struct talk *t = w->first ? w->first : talk_start(k, w->argv, NULL);

	w->first = NULL;
	talk_use(t, events, arg);
	talk_ask(t, command);
	return t->stream;
}

/* Through a shell there, with whatever connects: tunnel.sh. */
static struct stream *
tunnel_by_shell(struct link *k, const char *host, int port, const struct stream_events *events,
		void *arg)
{
	struct str command = {0};
	struct stream *s;
	struct talk *t;

	str_puts(&command, "exec sh -c ");
	str_shquote(&command, script_get("tunnel")->text);
	str_puts(&command, " tunnel ");
	str_shquote(&command, host);
	str_printf(&command, " %d", port);
	s = lua_exec(k, command.buf, events, arg);
	t = near_arg(s);
	t->tunnel = true;
	str_release(&command);
	return s;
}

static struct stream *
lua_tunnel_open(struct link *k, const char *host, int port, const struct stream_events *events,
		void *arg)
{
	struct way *w = near_owner(k);
	const char *const *argv;
	struct err e = {0};
	struct talk *t;
	bool none;

	argv = lua_tunnel(&w->arena, w->folder, w->file, &w->node, host, port, &none, &e);
	if (none)
		return tunnel_by_shell(k, host, port, events, arg);
	t = talk_start(k, argv, &e);
	talk_use(t, events, arg);
	t->tunnel = t->gate.open = true;
	return t->stream;
}

static void
lua_close(struct stream *s)
{
	struct talk *t = near_arg(s);

	loop_cancel(near_loop(t->link), t->timer);
	t->timer = 0;
	near_close(s);
}

static void
way_free(void *arg)
{
	struct way *w = arg;

	arena_release(&w->arena);
	free(w);
}

static struct link *
lua_open(struct loop *l, const struct node *node, const struct link_events *events, void *arg)
{
	const struct spec_node *spec = node->spec ? node->spec : node->member;
	struct way *w = xcalloc(1, sizeof *w);
	struct link *k = near_link(l, events, arg, w, way_free);
	struct err e = {0};

	w->node = *node;
	w->file = node->executor;
	w->folder = node->folder ? node->folder : ".";
	w->timeout_s = spec && spec->ssh.connect_timeout.set
			       ? (int)spec->ssh.connect_timeout.value : DEFAULT_TIMEOUT_S;
	w->argv = lua_connect(&w->arena, w->folder, w->file, node, &e);
	if (!w->argv) {
		err_wrap(&e, "executor");
		near_tell(k, &e);
		return k;
	}
	talk_ask(talk_start(k, w->argv, NULL), NULL);
	return k;
}

const struct executor executor_lua = {
	.name = "lua",
	.doc = "a program that is a shell on the node, named by connect(node) of a Lua file",
	.open = lua_open,
	.exec = lua_exec,
	.tunnel = lua_tunnel_open,
	.write = near_write,
	.eof = near_eof,
	.close = lua_close,
	.shut = near_shut,
};
