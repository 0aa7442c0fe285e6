/* The tensors of the model, read once per commit: from our own cache, from a node that has
 * the files, else out of the first bytes of each file on the Hub. */
#include <stdlib.h>
#include <string.h>

#include "executors/run_private.h"
#include "planner/base/vec.h"
#include "planner/facts.h"
#include "planner/tensors.h"

enum {
	AT_ONCE = 8,                    /* requests under way */
	ALL_MS = 30000,                 /* for all headers together */
	NODE_S = 60,
	MAX_FILES = 512,
	MAX_HEADERS = 64 << 20,         /* bytes of all headers together */
	GUESS = 256 << 10, LEAST_GUESS = 16 << 10, MOST_GUESS = 1 << 20,
	MANY = 16,                      /* so many files are worth a word */
};

struct weights {
	struct run *run;
	struct arena *arena;
	const char *cached;             /* its name in our cache; NULL: not to be kept */
	const char *why;                /* the first failure */
	struct { struct weight_file *v; size_t n, cap; } file;
	size_t next, under_way, guess, headers;
	long long deadline;
	struct tensors *found;
	bool finished;
	bool kept;                      /* it came from our cache */
};

struct weight_file {
	struct weights *weights;
	const struct manifest_file *of;
	struct http http;
};

/* ---- which files, and where ---- */

/* As vLLM does it: where there is an index, what it names. */
static void
list_files(struct weights *w)
{
	const struct model *m = w->run->model;
	const struct modeltexts *t = &m->texts;

	for (size_t i = 0; m->manifest && i < m->manifest->n; i++) {
		const struct manifest_file *f = &m->manifest->v[i];
		const char *quoted = arena_printf(w->arena, "\"%s\"", f->path);

		if (strchr(f->path, '/') || !tensors_is_file(f->path))
			continue;
		if (t->index && t->nindex && !memmem(t->index, t->nindex, quoted, strlen(quoted)))
			continue;
		*vec_push(w->arena, &w->file) = (struct weight_file){.weights = w, .of = f};
	}
}

/* Has the head every file of them in its cache, as long as the Hub says? */
static bool
is_on_head(const struct weights *w)
{
	const struct model *m = w->run->model;
	const struct facts *f = m->nnode ? m->node[0].facts : NULL;

	for (size_t i = 0; i < w->file.n; i++) {
		const struct manifest_file *of = w->file.v[i].of;
		bool there = false;

		for (size_t k = 0; f && k < f->file.n && !there; k++)
			there = strncmp(f->file.v[k].path, m->commit, 40) == 0 &&
				f->file.v[k].path[40] == '/' &&
				strcmp(f->file.v[k].path + 41, of->path) == 0 &&
				f->file.v[k].size == of->size;
		if (!there)
			return false;
	}
	return f && w->file.n;
}

/* ---- from a node ---- */

static void
on_listed(struct ask *ask)
{
	struct weights *w = ask->owner;
	const struct result *r = &ask->request.result;

	if (!r->ran)
		w->why = arena_strdup(w->arena, r->why);
	else if (r->status != 0)
		w->why = last_lines(w->arena, str_text(&r->err), 1);
	else
		w->found = tensors_read(w->arena, str_text(&r->out), r->out.len, &w->why);
	w->finished = true;
}

static void
ask_head(struct weights *w, const char *dir)
{
	struct run *r = w->run;
	struct task task = {.type = TASK_SCRIPT, .script = script_get("tensors"),
		.timeout_s = NODE_S};

	task_arg(w->arena, &task, dir);
	run_ask(r, run_host(r, &r->model->node[0]), &task, on_listed, w);
	loop_run(r->loop, &w->finished);
}

/* ---- from the Hub ---- */

static void fetch_next(struct weights *);

static void
fail(struct weights *w, const struct weight_file *f, const char *why)
{
	if (!w->why)
		w->why = arena_printf(w->arena, "%s: %s", f->of->path, why);
}

/* `first` bytes of the file; the Hub's own redirect to where the bytes lie is followed. */
static void
fetch(struct weight_file *f, size_t first)
{
	struct weights *w = f->weights;
	const struct lookup *k = w->run->lookup;
	long long left = w->deadline - loop_now();

	f->http.first = f->http.max = first;
	f->http.timeout_ms = left > 1 ? (long)left : 1;
	f->http.bearer = lookup_token(k);
	f->http.url = lookup_url(k, f->of->path);
	w->under_way++;
	http_start(w->run->loop, &f->http);
}

/* What came has the whole header, or at least says how long it is. True: it is asked for
 * once more. */
static bool
take(struct weight_file *f)
{
	struct weights *w = f->weights;
	const struct str *s = &f->http.answer;
	size_t n = s->len >= TENSORS_LENGTH ? tensors_header_length(s->buf) : 0;
	const char *why = NULL;

	if (!n) {
		fail(w, f, "it has no safetensors header");
	} else if ((w->headers += n) > MAX_HEADERS) {
		fail(w, f, "the headers are too large");
	} else if (s->len < n + TENSORS_LENGTH && f->http.first < n + TENSORS_LENGTH) {
		w->headers -= n;
		http_release(&f->http);
		f->http.answer = (struct str){0};
		fetch(f, n + TENSORS_LENGTH);
		return true;
	} else if (s->len < n + TENSORS_LENGTH) {
		fail(w, f, "it ends within its header");
	} else if (!tensors_add(w->arena, w->found, s->buf + TENSORS_LENGTH, n,
				(double)f->of->size, &why)) {
		fail(w, f, why);
	}
	return false;
}

static void
on_header(struct http *h)
{
	struct weight_file *f = h->owner;
	struct weights *w = f->weights;

	w->under_way--;
	if (!h->status)
		fail(w, f, h->err.text);
	else if (h->status != 200 && h->status != 206)
		fail(w, f, arena_printf(w->arena, "status %ld", h->status));
	else if (!w->why && take(f))
		return;
	http_release(h);
	h->answer = (struct str){0};
	fetch_next(w);
}

static void
fetch_next(struct weights *w)
{
	while (!w->why && w->under_way < AT_ONCE && w->next < w->file.n) {
		struct weight_file *f = &w->file.v[w->next++];

		f->http = (struct http){.method = "GET", .done = on_header, .owner = f};
		fetch(f, w->guess);
	}
	if (w->why)
		for (size_t i = 0; i < w->next; i++)
			if (w->file.v[i].http.transfer) {
				http_cancel(w->run->loop, &w->file.v[i].http);
				http_release(&w->file.v[i].http);
				w->under_way--;
			}
	w->finished = w->under_way == 0 && (w->why || w->next == w->file.n);
}

static void
ask_hub(struct weights *w)
{
	const struct model *m = w->run->model;

	if (w->file.n > MAX_FILES) {
		w->why = arena_printf(w->arena, "%zu weight files are too many to ask for", w->file.n);
		return;
	}
	if (w->file.n > MANY)
		run_note(w->run, "reading the headers of %zu weight files of '%s', once per commit",
			 w->file.n, m->spec->model.repo.text);
	/* A header is about twice as long as what the index says of the same tensors. */
	w->guess = m->texts.nindex ? 2 * m->texts.nindex / w->file.n : GUESS;
	w->guess = w->guess < LEAST_GUESS ? LEAST_GUESS : w->guess > MOST_GUESS ? MOST_GUESS : w->guess;
	w->deadline = loop_now() + ALL_MS;
	w->found = ar_new(w->arena, struct tensors);
	fetch_next(w);
	loop_run(w->run->loop, &w->finished);
	tensors_settle(w->found);
}

/* ---- all of it ---- */

static bool
from_cache(struct weights *w)
{
	struct str kept = {.max = TENSORS_MAX_TEXT};

	if (w->cached && cache_read("models", w->cached, &kept))
		w->found = tensors_read(w->arena, kept.buf, kept.len, &w->why);
	str_release(&kept);
	w->why = NULL;
	return w->kept = w->found != NULL;
}

static void
of_path(struct weights *w)
{
	const struct model *m = w->run->model;
	const struct facts *f = m->nnode ? m->node[0].facts : NULL;

	if (!f || f->state != FACTS_OK || !f->model_config) {
		w->why = "the head does not show them";
		return;
	}
	if (f->model_print)
		w->cached = arena_printf(w->arena, "path@%s-tensors", f->model_print);
	if (!from_cache(w))
		ask_head(w, m->spec->model.path.text);
}

static void
of_repo(struct weights *w)
{
	const struct model *m = w->run->model;

	if (!m->commit || !w->run->lookup) {
		w->why = m->commit_why;
		return;
	}
	w->cached = arena_printf(w->arena, "%s@%s-tensors", m->hub, m->commit);
	list_files(w);
	if (!w->file.n)
		w->why = "it has no safetensors files";
	else if (from_cache(w))
		return;
	else if (is_on_head(w))
		ask_head(w, arena_printf(w->arena, "%s/hub/%s/snapshots/%s", m->hf_home, m->hub,
					 m->commit));
	else
		ask_hub(w);
}

void
weights_find(struct run *r, struct arena *a)
{
	struct modeltexts *t = &r->model->texts;
	const struct spec_model *spec = &r->model->spec->model;
	struct weights w = {.run = r, .arena = a};

	/* A config that was given stands for the model: nobody is asked. */
	if (t->tensors || !spec->at.line || (t->config && !t->hub))
		return;
	if (spec->path.text)
		of_path(&w);
	else
		of_repo(&w);
	if (w.why) {
		t->tensors_why = arena_printf(a, "its safetensors headers were not to be had: %s", w.why);
		return;
	}
	t->tensors = w.found;
	if (w.found && w.cached && !w.kept) {
		const char *text = tensors_write(a, w.found);

		cache_write("models", w.cached, text, strlen(text));
	}
}
