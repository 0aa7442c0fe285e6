/* For those who write hooks: try one on an event, and the reference of what they can use. */
#include <stdlib.h>
#include <string.h>

#include "cmd/load.h"
#include "executors/hooks.h"

enum { EVENT_MAX = 16 << 20 };

/* One try: a file, an event, and how it went. */
struct try {
	struct arena arena;
	struct diags diags;
	struct loop *loop;
	struct secrets secrets;
	struct module_world world;
	struct module *module;
	const char *path;
	const struct value *recorded;   /* NULL: samples are taken */
	struct compiled c;              /* with -f: the spec */
	struct value *config;           /* what it has for the file */
	size_t failed;
};

static void
on_say(void *arg, enum vm_level level, const char *line)
{
	(void)arg;
	printf("  %s%s\n", level == VM_WARN ? "warning: " : "", line);
}

static void
split(struct arena *a, const char *path, const char **folder, const char **file)
{
	const char *slash = strrchr(path, '/');

	*folder = slash ? arena_strndup(a, path, (size_t)(slash - path) + 1) : "";
	*file = slash ? slash + 1 : path;
}

static const struct value *
read_event(struct try *t, const char *path)
{
	const char *why = NULL;
	struct err e = {0};
	struct value *v = NULL;
	size_t n;
	char *text = file_read(path, EVENT_MAX, &n, &why);

	if (!text) {
		cli_error("cannot read '%s': %s", path, why);
		return NULL;
	}
	v = value_read(&t->arena, text, n, &e);
	free(text);
	if (!v)
		cli_error("'%s' is no recorded event: %s", path, e.text);
	else if (event_find(value_get_text(v, "event", "")) == EVENT_COUNT) {
		cli_error("'%s' is no recorded event: its \"event\" is not the name of one", path);
		v = NULL;
	}
	return v;
}

/* Is it that file, which a spec names from its own folder? */
static bool
is_file(const char *path, const char *name)
{
	size_t len = strlen(path), n = strlen(name);

	return n <= len && strcmp(path + len - n, name) == 0 &&
	       (n == len || path[len - n - 1] == '/');
}

/* With -f: the config that the spec has for the file. */
static bool
take_spec(struct try *t, const struct cli *cli)
{
	const struct spec *s;

	if (!cli->file_given)
		return true;
	if (compile_file(&t->c, cli) != EXIT_DONE)
		return false;
	s = t->c.spec;
	for (size_t i = 0; i < s->hooks.n && !t->config; i++)
		if (is_file(t->path, s->hooks.v[i].file.text))
			t->config = s->hooks.v[i].config
				? spec_value(&t->arena, s->hooks.v[i].config) : value_map(&t->arena);
	if (!t->config)
		cli_error("the spec has no hook '%s'", t->path);
	return t->config;
}

/* config: as the event has it, or the spec, or as the spec had it when it was recorded. */
static struct value *
config_of(struct try *t)
{
	const struct value *recorded = t->recorded, *hooks = value_get(recorded, "hooks");

	for (size_t i = 0; recorded && i < recorded->n; i++)
		if (strcmp(recorded->key[i], "config") == 0)
			return recorded->item[i];
	if (t->config)
		return t->config;
	for (size_t i = 0; hooks && i < hooks->n; i++)
		if (is_file(t->path, hooks->key[i]) && hooks->item[i]->type == VALUE_MAP)
			return hooks->item[i];
	return value_map(&t->arena);
}

/* The event without what is about the try itself. */
static struct value *
event_of(struct arena *a, const struct value *recorded)
{
	struct value *v = value_map(a);

	for (size_t i = 0; i < recorded->n; i++)
		if (strcmp(recorded->key[i], "config") != 0 && strcmp(recorded->key[i], "hooks") != 0 &&
		    strcmp(recorded->key[i], "answers") != 0)
			value_set(a, v, recorded->key[i], recorded->item[i]);
	return v;
}

static void
try_event(struct try *t, enum event event)
{
	struct arena *a = &t->arena;
	struct hook hook = {.module = t->module, .ctx = value_map(a), .listens = 1U << event,
		.timeout_s = 30};
	struct modules modules = {.arena = a, .folder = t->world.folder, .hook = {&hook, 1, 1}};
	struct telling *now;
	struct verdict verdict;
	struct value *v = t->recorded ? event_of(a, t->recorded) : event_sample(a, event);

	value_set(a, hook.ctx, "config", config_of(t));
	t->world.answers = value_get(t->recorded, "answers");
	t->world.nanswered = 0;
	printf("%s (%s)\n", event_name(event), t->recorded ? "the recorded event" : "a sample event");
	verdict = hooks_ask(&modules, &t->world, a, event, v, &now);
	if (verdict.type == VERDICT_PASS) {
		puts("  ok");
		return;
	}
	t->failed++;
	if (verdict.type == VERDICT_VETO) {
		printf("  veto: %s\n", verdict.why);
		return;
	}
	puts("  failed");
	if (verdict.error.at.line)
		vm_error_diag(&verdict.error, &t->diags);
	else
		diag_error(&t->diags, (struct loc){0}, "%s", verdict.why);
}

static int
try_all(struct try *t, const char *path)
{
	enum event only = t->recorded ? event_find(value_get_text(t->recorded, "event", ""))
				      : EVENT_COUNT;
	size_t n = 0;

	for (enum event e = 0; e < EVENT_COUNT; e++) {
		if ((only != EVENT_COUNT && e != only) || !vm_has(t->module->vm, event_name(e)))
			continue;
		try_event(t, e);
		n++;
	}
	if (n == 0)
		return cli_error(only == EVENT_COUNT ? "'%s' has no function that is named like an event"
						     : "'%s' has no function for the recorded event", path);
	return t->failed ? EXIT_ERROR : EXIT_DONE;
}

static int
test(struct cli *cli)
{
	struct try t = {0};
	struct err e = {0};
	const char *folder, *file;
	int code = EXIT_ERROR;

	t.diags.arena = &t.arena;
	t.path = cli->arg[1];
	split(&t.arena, t.path, &folder, &file);
	t.module = module_load(&t.arena, folder, file, (struct loc){0}, &t.diags);
	if (!t.module)
		goto out;
	if (!take_spec(&t, cli))
		goto out;
	if (cli->narg == 3 && !(t.recorded = read_event(&t, cli->arg[2])))
		goto out;
	t.loop = loop_new(&e);
	if (!t.loop) {
		cli_error("%s", e.text);
		goto out;
	}
	t.world = (struct module_world){.loop = t.loop, .secrets = &t.secrets, .folder = folder,
		.say = on_say, .dry = true};
	code = try_all(&t, cli->arg[1]);
out:
	fflush(stdout);
	diag_print(&t.diags, stderr, cli->color_err);
	module_unload(t.module);
	secrets_release(&t.secrets);
	if (t.loop)
		loop_free(t.loop);
	compiled_release(&t.c);
	arena_release(&t.arena);
	return code;
}

/* The reference: functions of ctx, then events. */
static int
api(const char *format)
{
	bool luals = format && strcmp(format, "luals") == 0;
	struct str text = {0};

	if (format && !luals && strcmp(format, "markdown") != 0) {
		cli_error("unknown format '%s': markdown or luals", format);
		return EXIT_USAGE;
	}
	vm_manual(&text, luals ? VM_LUALS : VM_MARKDOWN);
	if (!luals)
		str_puts(&text, "\n## Events\n\n");
	event_manual(&text, luals);
	fputs(str_text(&text), stdout);
	str_release(&text);
	return EXIT_DONE;
}

static int
run(struct cli *cli)
{
	if (cli->narg >= 2 && strcmp(cli->arg[0], "test") == 0)
		return test(cli);
	if (cli->narg == 1 && strcmp(cli->arg[0], "api") == 0)
		return api(cli->format);
	cli_error("'dray hooks test FILE.lua [EVENT.json]', or 'dray hooks api'");
	return EXIT_USAGE;
}

static const struct option_spec option_api_format = {"format", OPTION_TEXT,
	offsetof(struct cli, format), "FORMAT",
	"of api: markdown (default), or luals, annotations for the Lua language server"};

const struct command command_hooks = {
	.name = "hooks",
	.args = "test FILE [EVENT] | api",
	.max_args = 3,
	.summary = "try a hook on an event, and what hooks can use",
	.doc = "'dray hooks test FILE.lua' calls every event function of the file with a sample\n"
	       "event; with EVENT.json, as 'dray plan -record' and 'dray apply -record' write them,\n"
	       "only that event's with that one. Nothing reaches the world: what ctx:run, ctx:http\n"
	       "and ctx:sleep would do is printed, and answered as if it had gone well, or as the\n"
	       "list \"answers\" in EVENT.json has it: {\"http\": {\"status\": 500, \"body\": \"\"}},\n"
	       "{\"run\": {\"status\": 1, \"out\": \"\", \"err\": \"\"}} or {\"error\": \"no route\"} for\n"
	       "each call in turn. ctx.config is \"config\" in it, else what the spec of -f has for the\n"
	       "file, or had when the event was recorded. Exits 1 when a function fails or vetoes.\n"
	       "'dray hooks api' prints the reference of functions and events.",
	.options = (const struct option_spec *const[]){&option_file, &option_api_format, &option_no_color, NULL},
	.run = run,
};
