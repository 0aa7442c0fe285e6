/* The reference of events, and a sample of each: from events.def and event_fields.def. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/event.h"

static const struct event_field {
	const char *events, *path, *type, *doc;
} fields[] = {
#define FIELD(events, path, type, doc) {events, path, type, doc},
#include "planner/event_fields.def"
#undef FIELD
};

static bool
has_field(enum event event, const struct event_field *f)
{
	const char *name = event_name(event);
	const char *at = strcmp(f->events, "*") == 0 ? NULL : strstr(f->events, name);

	/* Names stand between blanks: none is found inside another. */
	return strcmp(f->events, "*") == 0 ||
	       (at && at > f->events && at[-1] == ' ' && at[strlen(name)] == ' ');
}

static bool
is_step(const struct event_field *f)
{
	return strcmp(f->events, "dray.step") == 0;
}

/* ---- samples ---- */

#define STEP "{\"address\":\"worker[gpu-2]\",\"kind\":\"worker\",\"node\":\"gpu-2\"," \
	"\"action\":\"replace\",\"reason\":\"gone\",\"cause\":\"its container is gone; exit 137\"," \
	"\"changes\":[]}"
#define SERVE "{\"address\":\"serve\",\"kind\":\"serve\",\"node\":\"gpu-1\",\"action\":\"restart\"," \
	"\"reason\":\"changed\",\"cause\":\"args.max-model-len changed\",\"changes\":[" \
	"{\"name\":\"args.max-model-len\",\"old\":\"32768\",\"new\":\"65536\",\"effect\":\"restart\"}]}"
#define PLAN "\"plan\":{\"add\":0,\"change\":0,\"replace\":1,\"restart\":1,\"destroy\":0,\"run\":0," \
	"\"unknown\":0,\"conflict\":0,\"unchanged\":6,\"image\":\"vllm/vllm-openai:v0.17.1\"," \
	"\"model\":\"meta-llama/Llama-3.1-405B-Instruct\"," \
	"\"commit\":\"be673f326cab4cd22ccfef76109faf68e41aa5f1\",\"layout\":{\"tensor\":8," \
	"\"pipeline\":2,\"data\":1,\"nodes\":2,\"backend\":\"ray\"},\"problems\":[{\"severity\":" \
	"\"warning\",\"node\":\"gpu-1\",\"text\":\"the clocks differ by 3 s\"}],\"steps\":[" STEP \
	"," SERVE "]}"

static const char *const samples[EVENT_COUNT] = {
	[EVENT_after_plan] = "{" PLAN "}",
	[EVENT_on_drift] = "{" PLAN ",\"drift\":[" STEP "]}",
	[EVENT_before_apply] = "{" PLAN "}",
	[EVENT_before_step] = "{\"step\":" SERVE "}",
	[EVENT_after_step] = "{\"step\":" SERVE ",\"seconds\":312.4,\"instance\":\"f6279f1a9f55\"}",
	[EVENT_step_failed] = "{\"step\":" SERVE ",\"seconds\":41.2,\"error\":\"CUDA out of memory\","
		"\"what\":\"vllm serve\",\"failed_on\":\"gpu-1\",\"status\":1,\"tail\":"
		"\"torch.OutOfMemoryError: CUDA out of memory.\"}",
	[EVENT_after_apply] = "{" PLAN ",\"outcome\":\"failed\",\"seconds\":360.1,\"ok\":1,"
		"\"failed\":1,\"skipped\":1,\"cancelled\":0,\"changed\":true,\"failures\":[{\"step\":"
		"\"serve\",\"error\":\"CUDA out of memory\"}]}",
};

static const char base[] = "{\"event\":\"\",\"command\":\"apply\",\"cluster\":\"llama-405b\","
	"\"spec\":\"cluster.yaml\",\"nodes\":[{\"name\":\"gpu-1\",\"host\":\"192.0.2.11\","
	"\"address\":\"192.0.2.11\",\"rank\":0,\"role\":\"head\",\"labels\":{\"rack\":\"a1\"},"
	"\"in_spec\":true},{\"name\":\"gpu-2\",\"host\":\"192.0.2.12\",\"address\":\"192.0.2.12\","
	"\"rank\":1,\"role\":\"worker\",\"labels\":{\"rack\":\"a2\"},\"in_spec\":true}]}";

/* Ours, so it is JSON. */
static struct value *
json(struct arena *a, const char *text)
{
	struct err e = {0};
	struct value *v = value_read(a, text, strlen(text), &e);

	if (!v)
		abort();
	return v;
}

struct value *
event_sample(struct arena *a, enum event event)
{
	struct value *v = json(a, base), *own;

	value_set_text(a, v, "event", event_name(event));
	if (event == EVENT_before_plan)
		value_set_text(a, v, "command", "plan");
	if (!samples[event])
		return v;
	own = json(a, samples[event]);
	for (size_t i = 0; i < own->n; i++)
		value_set(a, v, own->key[i], own->item[i]);
	return v;
}

/* ---- the reference ---- */

static void
markdown_fields(struct str *to, const char *event)
{
	enum event which = event ? event_find(event) : EVENT_COUNT;

	str_puts(to, "| field | type | |\n|---|---|---|\n");
	for (size_t i = 0; i < countof(fields); i++) {
		const struct event_field *f = &fields[i];

		if (event ? is_step(f) || strcmp(f->events, "*") == 0 || !has_field(which, f)
			  : strcmp(f->events, "*") != 0)
			continue;
		str_printf(to, "| `%s` | %s | %s |\n", f->path, f->type, f->doc);
	}
	str_putc(to, '\n');
}

static bool
has_own_fields(enum event event)
{
	for (size_t i = 0; i < countof(fields); i++)
		if (strcmp(fields[i].events, "*") != 0 && !is_step(&fields[i]) &&
		    has_field(event, &fields[i]))
			return true;
	return false;
}

static void
markdown(struct str *to)
{
	str_puts(to, "Every event has these fields:\n\n");
	markdown_fields(to, NULL);
	str_puts(to, "A step (`dray.step`) in an event is\n\n| field | type | |\n|---|---|---|\n");
	for (size_t i = 0; i < countof(fields); i++)
		if (is_step(&fields[i]))
			str_printf(to, "| `%s` | %s | %s |\n", fields[i].path, fields[i].type,
				   fields[i].doc);
	str_putc(to, '\n');
	for (enum event e = 0; e < EVENT_COUNT; e++) {
		str_printf(to, "### %s\n\n%s\n\n", event_name(e), event_doc(e));
		if (has_own_fields(e))
			markdown_fields(to, event_name(e));
	}
}

/* "nodes[].name" -> the head "nodes[]", or all of a path without a dot. */
static size_t
head_length(const char *path)
{
	return strcspn(path, ".");
}

static bool
same_head(const char *x, const char *y)
{
	size_t n = head_length(x);

	return n == head_length(y) && memcmp(x, y, n) == 0;
}

static void
luals_field(struct str *to, const char *path, const char *type, const char *doc)
{
	size_t n = strlen(path);
	bool list = n > 2 && strcmp(path + n - 2, "[]") == 0;
	size_t m = strlen(type);
	bool may_lack = m && type[m - 1] == '?';

	str_printf(to, "---@field %.*s%s %.*s%s %s\n", (int)(list ? n - 2 : n), path,
		   may_lack ? "?" : "", (int)(may_lack ? m - 1 : m), type, list ? "[]" : "", doc);
}

/* One class for `prefix` of the fields of `event` that begin with it, inner ones first. */
static void
luals_class(struct str *to, struct arena *a, const char *name, const struct event_field **v,
	    size_t n, size_t skip)
{
	for (size_t i = 0; i < n; i++) {
		const char *path = v[i]->path + skip;
		const struct event_field **inner = ar_array(a, const struct event_field *, n);
		size_t ninner = 0, head = head_length(path);

		if (!path[head] || (i && same_head(v[i - 1]->path + skip, path)))
			continue;
		for (size_t k = i; k < n; k++)
			if (same_head(v[k]->path + skip, path))
				inner[ninner++] = v[k];
		luals_class(to, a, arena_printf(a, "%s.%.*s", name, (int)strcspn(path, "[."), path),
			    inner, ninner, skip + head + 1);
	}
	str_printf(to, "---@class %s\n", name);
	for (size_t i = 0; i < n; i++) {
		const char *path = v[i]->path + skip;
		size_t head = head_length(path);

		if (path[head] && i && same_head(v[i - 1]->path + skip, path))
			continue;
		if (path[head])
			luals_field(to, arena_strndup(a, path, head),
				    arena_printf(a, "%s.%.*s", name, (int)strcspn(path, "[."), path), "");
		else
			luals_field(to, path, v[i]->type, v[i]->doc);
	}
	str_putc(to, '\n');
}

static void
luals(struct str *to)
{
	struct arena a = {0};
	const struct event_field *list[countof(fields)];
	size_t n = 0;

	for (size_t i = 0; i < countof(fields); i++)
		if (is_step(&fields[i]))
			list[n++] = &fields[i];
	luals_class(to, &a, "dray.step", list, n, 0);
	for (enum event e = 0; e < EVENT_COUNT; e++) {
		n = 0;
		for (size_t i = 0; i < countof(fields); i++)
			if (!is_step(&fields[i]) && has_field(e, &fields[i]))
				list[n++] = &fields[i];
		luals_class(to, &a, arena_printf(&a, "dray.event.%s", event_name(e)), list, n, 0);
	}
	arena_release(&a);
}

void
event_manual(struct str *to, bool as_luals)
{
	if (as_luals)
		luals(to);
	else
		markdown(to);
}
