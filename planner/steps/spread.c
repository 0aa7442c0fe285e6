/* Who takes a copy from whom. */
#include "planner/steps/spread.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/cluster/cluster.h"
#include "planner/steps/download.h"

enum { SPREAD_FILES = 1000, SPREAD_PATH = 100 };

size_t
spread_first(const bool *whole, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (whole[i])
			return i;
	return 0;
}

size_t
spread_from(const bool *whole, size_t n, size_t i)
{
	size_t source = spread_first(whole, n);

	if (i == source || whole[i])
		return i;
	for (size_t k = i; k-- > 0;)
		if (k != source && !whole[k])
			return k;
	return source;
}

void
spread_opens(struct arena *a, const char *act, struct task *t)
{
	t->aside = strcmp(act, "open") == 0;
	if (t->aside)
		task_arg(a, t, "send", script_with(a, "giving", "weights-send")->text);
}

static void
spread_args(struct arena *a, const char *folder, const char *name, const struct manifest *m,
	    const char *act, struct task *t)
{
	task_arg(a, t, "act", act);
	task_arg(a, t, "hf_home", folder);
	task_arg(a, t, "hub", name);
	task_arg(a, t, "commit", "image");
	t->input = download_list(a, m);
	t->ninput = strlen(t->input);
}

struct task *
spread_give(struct arena *a, const char *folder, const char *name, const struct manifest *m,
	    const char *act, struct task *t)
{
	*t = (struct task){.type = TASK_SCRIPT, .script = script_with(a, "giving", "weights-give")};
	spread_args(a, folder, name, m, act, t);
	spread_opens(a, act, t);
	return t;
}

struct task *
spread_take(struct arena *a, const char *folder, const char *name, const struct cluster *c,
	    const struct manifest *m, const char *act, struct task *t)
{
	*t = (struct task){.type = TASK_SCRIPT, .script = script_with(a, "state", "weights-take"), .changes = true};
	spread_args(a, folder, name, m, act, t);
	task_arg(a, t, "cluster", c->name);
	return t;
}

/* One line of the source's list. What it says is written into files of other nodes' scripts. */
static bool
spread_read_file(struct arena *a, const char *line, size_t n, struct manifest *m)
{
	static const char hex[] = "0123456789abcdef";
	const char *path = memrchr(line, '\t', n);
	struct manifest_file f = {0};
	char *end;

	if (!path || n > 200 + SPREAD_PATH || m->n == SPREAD_FILES)
		return false;
	f.size = strtoll(line, &end, 10);
	if (end == line || *line == '-' || f.size < 0 || f.size > 1LL << 50 || *end != '\t' || path - end != 65 ||
	    strspn(end + 1, hex) != 64)
		return false;
	f.blob = arena_strndup(a, end + 1, 64);
	f.path = arena_strndup(a, path + 1, n - (size_t)(path + 1 - line));
	if (!*f.path || !strchr(hex, *f.path) || strlen(f.path) > SPREAD_PATH ||
	    f.path[strspn(f.path, "0123456789abcdefijnorst.-")])
		return false;
	*vec_push(a, m) = f;
	m->bytes += f.size;
	return true;
}

struct manifest *
spread_read_list(struct arena *a, const char *text)
{
	struct manifest *m = ar_new(a, struct manifest);

	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (!spread_read_file(a, text, n, m))
			return NULL;
	}
	return m->n ? m : NULL;
}

struct manifest *
spread_read_rest(struct arena *a, const struct manifest *all, const char *text)
{
	bool *skip = ar_array(a, bool, all->n);
	struct manifest *m = ar_new(a, struct manifest);

	for (char *end; *text; text = *end == '\n' ? end + 1 : end) {
		long number = strtol(text, &end, 10);

		if (end == text || number < 1 || (size_t)number > all->n || (*end && *end != '\n'))
			return NULL;
		skip[number - 1] = true;
	}
	for (size_t i = 0; i < all->n; i++)
		if (!skip[i]) {
			*vec_push(a, m) = all->v[i];
			m->bytes += all->v[i].size;
		}
	return m;
}
