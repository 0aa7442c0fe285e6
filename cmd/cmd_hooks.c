/* For authors of hooks: test a hook with an event, and print the API reference. */
#include <stdlib.h>
#include <string.h>

#include "cmd/load.h"
#include "executors/script/hooks.h"
#include "planner/base/limits.h"
#include "planner/base/path.h"
#include "planner/base/task.h"

enum { EVENT_MAX = 16 << 20 };

/* One test of a file. */
struct try {
	struct arena arena;
	struct diags diags;
	struct loop *loop;
	struct secrets secrets;
	struct module_world world;
	struct module *module;
	const char *path;
	const struct value *recorded;   /* the recorded event; NULL: use samples */
	struct compiled c;              /* with -f: the spec */
	struct value *config;           /* its config for the file */
	size_t failed;
};

static void
hooks_on_say(void *arg, enum vm_level level, const char *line)
{
	struct str safe = {0};

	(void)arg;
	str_safe_lines(&safe, line, "  | ");
	printf("  %s%s\n", level == VM_WARN ? "warning: " : "", str_text(&safe));
	str_release(&safe);
}

static const struct value *
hooks_read_event(struct try *t, const char *path)
{
	struct str text = {0};
	struct err e = {0};
	struct value *v = NULL;

	if (!load_file(path, EVENT_MAX, &text))
		return NULL;
	v = value_read(&t->arena, str_text(&text), text.len, &e);
	str_release(&text);
	if (!v)
		cli_error("'%s' is not a recorded event: %s", path, e.text);
	else if (event_find(value_get_text(v, "event", "")) == EVENT_COUNT) {
		cli_error("'%s' is not a recorded event: its \"event\" is not the name of an "
			  "event", path);
		v = NULL;
	}
	return v;
}

/* Does the name, which is relative to the spec's folder, mean the file at that path? */
static bool
hooks_is_file(const char *path, const char *name)
{
	size_t len = strlen(path), n = strlen(name);

	return n <= len && strcmp(path + len - n, name) == 0 &&
	       (n == len || path[len - n - 1] == '/');
}

/* With -f: take the config that the spec has for the file. */
static bool
hooks_take_spec(struct try *t, const struct cli *cli)
{
	const struct spec *s;

	if (!cli->file_given)
		return true;
	if (compile_file(&t->c, cli) != EXIT_DONE)
		return false;
	s = t->c.spec;
	for (size_t i = 0; i < s->hooks.n && !t->config; i++)
		if (hooks_is_file(t->path, s->hooks.v[i].file.text))
			t->config = s->hooks.v[i].config
				? spec_value(&t->arena, s->hooks.v[i].config) : value_map(&t->arena);
	if (!t->config)
		cli_error("the spec has no hook '%s'", t->path);
	return t->config;
}

/* The config: from the event, else from the spec, else what the spec had when the event was
 * recorded. */
static struct value *
hooks_config_of(struct try *t)
{
	const struct value *recorded = t->recorded, *hooks = value_get(recorded, "hooks");

	for (size_t i = 0; recorded && i < recorded->n; i++)
		if (strcmp(recorded->key[i], "config") == 0)
			return recorded->item[i];
	if (t->config)
		return t->config;
	for (size_t i = 0; hooks && i < hooks->n; i++)
		if (hooks_is_file(t->path, hooks->key[i]) && hooks->item[i]->type == VALUE_MAP)
			return hooks->item[i];
	return value_map(&t->arena);
}

/* The event without the keys that are for the test itself. */
static struct value *
hooks_event_of(struct arena *a, const struct value *recorded)
{
	struct value *v = value_map(a);

	for (size_t i = 0; i < recorded->n; i++)
		if (strcmp(recorded->key[i], "config") != 0 && strcmp(recorded->key[i], "hooks") != 0 &&
		    strcmp(recorded->key[i], "answers") != 0)
			value_set(a, v, recorded->key[i], recorded->item[i]);
	return v;
}

static void
hooks_try_event(struct try *t, enum event event)
{
	struct arena *a = &t->arena;
	struct hook hook = {.module = t->module, .ctx = value_map(a), .listens = 1U << event,
		.timeout_s = HOOK_LIMIT};
	struct modules modules = {.arena = a, .folder = t->world.folder, .hook = {&hook, 1, 1}};
	struct hook_run *now;
	struct verdict verdict;
	struct str why = {0};
	struct value *v = t->recorded ? hooks_event_of(a, t->recorded) : event_sample(a, event);

	value_set(a, hook.ctx, "config", hooks_config_of(t));
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
		str_safe_lines(&why, verdict.why, "  | ");
		printf("  veto: %s\n", str_text(&why));
		str_release(&why);
		return;
	}
	puts("  failed");
	if (verdict.error.at.line)
		vm_error_diag(&verdict.error, &t->diags);
	else
		diag_error(&t->diags, (struct loc){0}, "%s", verdict.why);
}

static int
hooks_try_all(struct try *t, const char *path)
{
	enum event only = t->recorded ? event_find(value_get_text(t->recorded, "event", ""))
				      : EVENT_COUNT;
	size_t n = 0;

	for (enum event e = 0; e < EVENT_COUNT; e++) {
		if ((only != EVENT_COUNT && e != only) || !vm_has(t->module->vm, event_name(e)))
			continue;
		hooks_try_event(t, e);
		n++;
	}
	if (n == 0)
		return cli_error(only == EVENT_COUNT ? "'%s' has no function that is named like an event"
						     : "'%s' has no function for the recorded event", path);
	return t->failed ? EXIT_ERROR : EXIT_DONE;
}

static int
hooks_test(struct cli *cli)
{
	struct try t = {0};
	struct err e = {0};
	const char *folder, *slash;
	int code = EXIT_ERROR;

	t.diags.arena = &t.arena;
	t.path = cli->arg[1];
	slash = strrchr(t.path, '/');
	folder = path_folder(&t.arena, t.path);
	t.module = module_load(&t.arena, folder, slash ? slash + 1 : t.path, (struct loc){0}, &t.diags);
	if (!t.module || !hooks_take_spec(&t, cli))
		goto out;
	if (cli->narg == 3 && !(t.recorded = hooks_read_event(&t, cli->arg[2])))
		goto out;
	t.loop = loop_new(&e);
	if (!t.loop) {
		cli_error("%s", e.text);
		goto out;
	}
	t.world = (struct module_world){.loop = t.loop, .secrets = &t.secrets, .folder = folder,
		.say = hooks_on_say, .dry = true, .quiet = cli_quiet(cli)};
	code = hooks_try_all(&t, cli->arg[1]);
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

static int
hooks_run(struct cli *cli)
{
	bool luals = cli->format && strcmp(cli->format, "luals") == 0;

	if (cli->narg >= 2 && strcmp(cli->arg[0], "test") == 0)
		return hooks_test(cli);
	if (cli->narg != 1 || strcmp(cli->arg[0], "api") != 0)
		return cli_misused(cli, "use 'dray hooks test FILE.lua [EVENT.json]' or 'dray hooks api'");
	if (cli->format && !luals && strcmp(cli->format, "markdown") != 0)
		return cli_misused(cli, "unknown format '%s': markdown or luals", cli->format);
	/* The reference of functions and events is a page of docs/, which is built in. */
	fputs(script_get(luals ? "dray.lua" : "lua-api.md")->text, stdout);
	return EXIT_DONE;
}

static const struct option_spec option_api_format = {"format", OPTION_TEXT,
	offsetof(struct cli, format), "FORMAT",
	"of api: markdown (default), or luals, annotations for the Lua language server"};

const struct command command_hooks = {
	.name = "hooks",
	.args = "test FILE [EVENT] | api",
	.max_args = 3,
	.summary = "test a hook with an event, or print what hooks can use",
	.doc = "'dray hooks test FILE.lua' calls every event function of the file with a\n"
	       "sample event. With EVENT.json, which 'dray plan -record' and 'dray apply\n"
	       "-record' write, it calls only the function of that event. It does nothing\n"
	       "else: it prints what ctx:run, ctx:http and ctx:sleep would do, and answers with\n"
	       "a success, or with the next item of the list \"answers\" in EVENT.json:\n"
	       "{\"http\": {\"status\": 500, \"body\": \"\"}}, {\"run\": {\"status\": 1, "
	       "\"out\": \"\",\n"
	       "\"err\": \"\"}} or {\"error\": \"no route\"}. ctx.config is \"config\" of "
	       "EVENT.json,\n"
	       "else what the spec of -f has for the file, else what the spec had when the\n"
	       "event was recorded. Exits 1 if a function fails or vetoes. Without -secrets a\n"
	       "secret is a sample string, and an inventory of -f reads none.\n"
	       "\n"
	       "'dray hooks api' prints the reference of functions and events.",
	.options = (const struct option_spec *const[]){&option_file, &option_secrets, &option_api_format,
		&option_no_color, NULL},
	.quiet = true,
	.run = hooks_run,
};
