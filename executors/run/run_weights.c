/* Reads the tensors of the model, once per commit: from our cache, from a node that has the
 * files, or from the first bytes of each file on the Hub. */
#include <stdlib.h>
#include <string.h>

#include "executors/io/patience.h"
#include "executors/run/run_looks.h"
#include "planner/base/vec.h"
#include "planner/facts/facts.h"
#include "planner/layout/tensors.h"

enum {
	AT_ONCE = 8,                    /* requests under way */
	MAX_FILES = 512,
	MAX_HEADERS = 64 << 20,         /* bytes of all headers together */
	GUESS = 256 << 10, LEAST_GUESS = 16 << 10, MOST_GUESS = 1 << 20,
	MANY = 16,                      /* with more files a note says that they are read */
};

struct weights {
	struct run *run;
	struct arena *arena;
	const char *cached;             /* its name in our cache; NULL: it is not kept */
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

/* If there is an index, only the files that it names count, as for engines. */
static void
weights_list_files(struct weights *w)
{
	const struct cluster *c = w->run->cluster;
	const struct checkpoint_texts *t = &c->texts;

	for (size_t i = 0; c->manifest && i < c->manifest->n; i++) {
		const struct manifest_file *f = &c->manifest->v[i];
		const char *quoted = arena_printf(w->arena, "\"%s\"", f->path);

		if (strchr(f->path, '/') || !tensors_is_file(f->path))
			continue;
		if (t->index && t->nindex && !memmem(t->index, t->nindex, quoted, strlen(quoted)))
			continue;
		*vec_push(w->arena, &w->file) = (struct weight_file){.weights = w, .of = f};
	}
}

/* Does the head have all of them in its cache, with the sizes that the Hub says? */
static bool
weights_is_on_head(const struct weights *w)
{
	const struct cluster *c = w->run->cluster;
	const struct facts *f = c->nnode ? c->node[0].facts : NULL;

	struct manifest list = {.commit = c->commit, .n = w->file.n,
		.v = ar_array(w->arena, struct manifest_file, w->file.n + 1)};

	for (size_t i = 0; i < w->file.n; i++)
		list.v[i] = *w->file.v[i].of;
	return snapshot_has(f, &list);
}

/* ---- from a node ---- */

static void
weights_on_listed(struct ask *ask)
{
	struct weights *w = ask->owner;
	const struct result *r = &ask->request.result;
	struct err e = {0};

	if (!r->ran)
		w->why = arena_strdup(w->arena, r->why.text);
	else if (r->status != 0)
		w->why = last_lines(w->arena, str_text(&r->err), 1);
	else
		w->found = tensors_read(w->arena, str_text(&r->out), r->out.len, &e);
	if (*e.text)
		w->why = arena_strdup(w->arena, e.text);
	w->finished = true;
}

static void
weights_ask_head(struct weights *w)
{
	struct run *r = w->run;
	const struct cluster *c = r->cluster;
	struct attrs model = {0};
	struct task task = {.type = TASK_SCRIPT, .script = script_get("safetensors"),
		.timeout_s = (int)patience.tensors};

	c->source->want(w->arena, &c->spec->model, c->commit, &model);
	task_arg(w->arena, &task, "dir", c->source->folder(w->arena, &model, c->hf_home));
	run_ask(r, run_host(r, &r->cluster->node[0]), &task, weights_on_listed, w);
	loop_run(r->loop, &w->finished);
}

/* ---- from the Hub, or another server ---- */

static void weights_fetch_next(struct weights *);

static void
weights_fail(struct weights *w, const struct weight_file *f, const char *why)
{
	if (!w->why)
		w->why = arena_printf(w->arena, "%s: %s", f->of->path, why);
}

/* Fetch the first bytes of the file; the Hub's redirect to its storage is followed. */
static void
weights_fetch(struct weight_file *f, size_t first)
{
	struct weights *w = f->weights;
	const struct lookup *k = w->run->lookup;
	long long left = w->deadline - loop_now();

	f->http.first = f->http.max = first;
	f->http.timeout_ms = left > 1 ? (long)left : 1;
	lookup_dress(k, &f->http);
	f->http.url = lookup_url(k, f->of->path);
	w->under_way++;
	http_start(w->run->loop, &f->http);
}

/* Take the header, or at least its length. True: the file is asked again for the rest. */
static bool
weights_take(struct weight_file *f)
{
	struct weights *w = f->weights;
	const struct str *s = &f->http.answer;
	size_t n = s->len >= TENSORS_LENGTH ? tensors_header_length(s->buf) : 0;
	struct err e = {0};

	if (!n) {
		weights_fail(w, f, "it has no safetensors header");
	} else if ((w->headers += n) > MAX_HEADERS) {
		weights_fail(w, f, "the headers are too large");
	} else if (s->len < n + TENSORS_LENGTH && f->http.first < n + TENSORS_LENGTH) {
		w->headers -= n;
		http_release(&f->http);
		f->http.answer = (struct str){0};
		weights_fetch(f, n + TENSORS_LENGTH);
		return true;
	} else if (s->len < n + TENSORS_LENGTH) {
		weights_fail(w, f, "it ends within its header");
	} else if (!tensors_add(w->arena, w->found, s->buf + TENSORS_LENGTH, n,
				(double)f->of->size, &e)) {
		weights_fail(w, f, e.text);
	}
	return false;
}

static void
weights_on_header(struct http *h)
{
	struct weight_file *f = h->owner;
	struct weights *w = f->weights;

	w->under_way--;
	if (!h->status)
		weights_fail(w, f, h->err.text);
	else if (h->status != 200 && h->status != 206)
		weights_fail(w, f, arena_printf(w->arena, "status %ld", h->status));
	else if (!w->why && weights_take(f))
		return;
	http_release(h);
	h->answer = (struct str){0};
	weights_fetch_next(w);
}

static void
weights_fetch_next(struct weights *w)
{
	while (!w->why && w->under_way < AT_ONCE && w->next < w->file.n) {
		struct weight_file *f = &w->file.v[w->next++];

		f->http = (struct http){.method = "GET", .done = weights_on_header, .owner = f};
		weights_fetch(f, w->guess);
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
weights_ask_hub(struct weights *w)
{
	const struct cluster *c = w->run->cluster;

	if (w->file.n > MAX_FILES) {
		w->why = arena_printf(w->arena, "%zu weight files are too many to ask for", w->file.n);
		return;
	}
	if (w->file.n > MANY)
		run_note(w->run, "reading the headers of %zu weight files of '%s', once per commit",
			 w->file.n, c->spec->model.repo.text);
	/* A header is about twice as long as its part of the index. */
	w->guess = c->texts.nindex ? 2 * c->texts.nindex / w->file.n : GUESS;
	w->guess = w->guess < LEAST_GUESS ? LEAST_GUESS : w->guess > MOST_GUESS ? MOST_GUESS : w->guess;
	w->deadline = loop_now() + patience.headers * 1000LL;
	w->found = ar_new(w->arena, struct tensors);
	weights_fetch_next(w);
	loop_run(w->run->loop, &w->finished);
	tensors_settle(w->found);
}

/* ---- all of it ---- */

static bool
weights_from_cache(struct weights *w)
{
	struct str kept = {.max = TENSORS_MAX_TEXT};
	struct err e = {0};

	if (w->cached && cache_read("models", w->cached, &kept))
		w->found = tensors_read(w->arena, kept.buf, kept.len, &e);
	str_release(&kept);
	return w->kept = w->found != NULL;
}

/* A folder that is on every node is read on the head. */
static void
weights_of_folder(struct weights *w, const struct facts *head)
{
	if (!head || !head->model_config)
		w->why = "the head node does not show them";
	else if (head->model_kind && strcmp(head->model_kind, "file") == 0)
		w->why = "a GGUF file has none";
	else if (!weights_from_cache(w))
		weights_ask_head(w);
}

static void
weights_of_commit(struct weights *w)
{
	const struct cluster *c = w->run->cluster;

	if (!c->commit) {
		w->why = c->commit_why;
		return;
	}
	weights_list_files(w);
	if (!w->file.n)
		w->why = "it has no safetensors files";
	else if (weights_from_cache(w))
		return;
	else if (weights_is_on_head(w))
		weights_ask_head(w);
	else if (w->run->lookup)
		weights_ask_hub(w);
	else
		w->why = c->commit_why;
}

void
weights_find(struct run *r, struct arena *a)
{
	struct checkpoint_texts *t = &r->cluster->texts;
	const struct cluster *c = r->cluster;
	const struct spec_model *spec = &c->spec->model;
	const struct facts *head = c->nnode && node_observed(&c->node[0]) ? c->node[0].facts : NULL;
	const char *name = c->source->cache_name(a, spec, head, c->commit);
	struct weights w = {.run = r, .arena = a};

	/* The Hub is not asked if the user gave a config. */
	if (t->tensors || !spec->at.line || (t->config && !t->hub))
		return;
	if (name)
		w.cached = arena_printf(a, "%s-tensors", name);
	if (c->source->fetched)
		weights_of_commit(&w);
	else
		weights_of_folder(&w, head);
	if (w.why) {
		t->tensors_why = arena_printf(a, "its safetensors headers could not be read: "
						 "%s", w.why);
		return;
	}
	t->tensors = w.found;
	if (w.found && w.cached && !w.kept) {
		const char *text = tensors_write(a, w.found);

		cache_write("models", w.cached, text, strlen(text));
	}
}
