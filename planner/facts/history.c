/* The list of applies: entries as JSON, and what several nodes have of them as one list. */
#include "planner/facts/history.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/json.h"
#include "planner/base/limits.h"
#include "planner/base/vec.h"

enum { WORD_MAX = 80, WHAT_MAX = 400, FILES_MAX = 16384, SECONDS_MAX = 100000000 };

const char *
history_write(struct arena *a, const struct history_entry *e)
{
	json_t *json = json_pack("{s:i, s:I, s:I}", "v", 1, "seconds", (json_int_t)e->seconds, "down",
				 (json_int_t)e->down);

	json_set_text(json, "id", e->id);
	json_set_text(json, "at", e->at);
	json_set_text(json, "by", e->by);
	json_set_text(json, "command", e->command);
	json_set_text(json, "result", e->result);
	json_set_text(json, "what", arena_strndup(a, e->what, strnlen(e->what, WHAT_MAX)));
	if (e->spec && strlen(e->spec) <= HISTORY_BYTES)
		json_set_text(json, "spec", e->spec);
	if (e->files && *e->files)
		json_set_text(json, "files", e->files);
	return json_line(a, json);
}

const char *
history_file(struct arena *a, const struct history_entry *e)
{
	char at[32];
	size_t n = 0;

	for (const char *s = e->at; *s && n < sizeof at - 1; s++)
		if (*s != '-' && *s != ':')
			at[n++] = *s;
	at[n] = '\0';
	return arena_printf(a, "%s-%s", at, e->id);
}

static bool
history_is_id(const char *s)
{
	return s && strlen(s) == 16 && strspn(s, "0123456789abcdef") == 16;
}

/* "2026-11-30T10:43:11Z" and nothing else, so that the order of texts is that of times. */
static bool
history_is_time(const char *s)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";

	if (!s || strlen(s) != sizeof form - 1)
		return false;
	for (size_t i = 0; i < sizeof form - 1; i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return false;
	return true;
}

static bool
history_is_one_of(const char *s, const char *const *words)
{
	for (; s && *words; words++)
		if (strcmp(s, *words) == 0)
			return true;
	return false;
}

static long long
history_number(const json_t *json, const char *name)
{
	const json_t *value = json_object_get(json, name);
	long long x = json_is_integer(value) ? json_integer_value(value) : -1;

	return x < HISTORY_NOT_DOWN || x > SECONDS_MAX ? -1 : x;
}

static const char *
history_text(struct arena *a, const json_t *json, const char *name, size_t most)
{
	const char *s = json_get_text(a, json, name);

	return s ? arena_strndup(a, s, strnlen(s, most)) : "";
}

static bool
history_read(struct arena *a, const char *text, size_t n, struct history_entry *to)
{
	static const char *const commands[] = {"apply", "restart", "stop", "destroy", "watch", NULL};
	static const char *const results[] = {"done", "partial", "failed", "interrupted", "replanned",
		"begun", NULL};
	json_t *json = json_read_object(text, n);
	bool ok;

	*to = (struct history_entry){
		.id = json_get_text(a, json, "id"), .at = json_get_text(a, json, "at"),
		.by = history_text(a, json, "by", WORD_MAX), .command = json_get_text(a, json, "command"),
		.result = json_get_text(a, json, "result"), .what = history_text(a, json, "what", WHAT_MAX),
		.seconds = history_number(json, "seconds"), .down = history_number(json, "down"),
		.spec = json_get_text(a, json, "spec"), .files = history_text(a, json, "files", FILES_MAX),
	};
	ok = history_is_id(to->id) && history_is_time(to->at) && history_is_one_of(to->command, commands) &&
		history_is_one_of(to->result, results) && (!to->spec || strlen(to->spec) <= HISTORY_BYTES);
	json_decref(json);
	return ok;
}

static void
history_take(struct arena *a, struct history *h, const struct history_entry *e)
{
	for (size_t i = 0; i < h->n; i++) {
		if (strcmp(h->v[i].id, e->id) != 0)
			continue;
		if (strcmp(h->v[i].result, "begun") == 0)
			h->v[i] = *e;
		return;
	}
	*vec_push(a, h) = *e;
}

void
history_merge(struct arena *a, struct history *h, const char *node, const char *text, size_t n)
{
	size_t taken = 0;

	while (n && taken < HISTORY_KEPT) {
		const char *end = memchr(text, '\n', n);
		size_t len = end ? (size_t)(end - text) : n;
		struct history_entry e;

		if (history_read(a, text, len, &e)) {
			e.node = node;
			history_take(a, h, &e);
			taken++;
		}
		len += end != NULL;
		text += len;
		n -= len;
	}
}

static int
history_by_time(const void *x, const void *y)
{
	const struct history_entry *a = x, *b = y;
	int order = strcmp(b->at, a->at);

	return order ? order : strcmp(a->id, b->id);
}

void
history_sort(struct history *h)
{
	if (h->n)
		qsort(h->v, h->n, sizeof *h->v, history_by_time);
	if (h->n > HISTORY_KEPT)
		h->n = HISTORY_KEPT;
}

const struct history_entry *
history_find(const struct history *h, const char *id, bool *many)
{
	const struct history_entry *found = NULL;
	size_t n = strlen(id);

	*many = false;
	for (size_t i = 0; n && i < h->n; i++) {
		if (strncmp(h->v[i].id, id, n) != 0)
			continue;
		*many = found != NULL;
		if (*many)
			return NULL;
		found = &h->v[i];
	}
	return found;
}
