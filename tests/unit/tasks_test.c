/*
 * Prints every task of a look, an apply and a destroy: the scripts that its text is made of,
 * its arguments, the shape of its stdin, its deadline. The text must be tests/tasks/NAME.txt
 * for the spec NAME.yaml. UPDATE=1 rewrites these files; read the diff.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "executors/io/patience.h"
#include "planner/base/limits.h"
#include "planner/base/vec.h"
#include "planner/cluster/decide.h"
#include "planner/custom/custom.h"
#include "planner/discover/discover.h"
#include "planner/plan/answer.h"
#include "tests/unit/kinds_by_hand.h"
#include "tests/unit/whole_file.h"

static const struct script scripts[] = {
#include "scripts.inc"
};
static struct str out;

/* ---- a task as text ---- */

/* The names of the scripts that the text is made of; NULL if it contains anything else. */
static const char *
tasks_made_of(const char *text)
{
	const char *names = "";

	while (*text) {
		const struct script *best = NULL;
		size_t n = 0;

		for (size_t i = 0; i < countof(scripts); i++) {
			size_t len = strlen(scripts[i].text);

			if (len > n && strncmp(text, scripts[i].text, len) == 0) {
				best = &scripts[i];
				n = len;
			}
		}
		if (!best)
			return NULL;
		names = arena_printf(&arena, "%s%s%s", names, *names ? " " : "", best->name);
		text += n + (text[n] == '\n');
	}
	return *names ? names : NULL;
}

static void
tasks_put_words(const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			str_puts(&out, "\\n");
		else
			str_putc(&out, *text);
	}
}

/* The assignments that the build has put into the text, from limits.def. */
static void
tasks_put_limits(const char *text)
{
	static const char *const names[] = {
#define LIMITS(title)
#define LIMIT(name, value, unit, reason) #name,
#include "planner/base/limits.def"
	};

	for (const char *line = text; *line; line = strchrnul(line, '\n'), line += *line == '\n')
		for (size_t i = 0; i < countof(names); i++) {
			size_t n = strlen(names[i]);

			if (strncasecmp(line, names[i], n) != 0 || line[n] != '=')
				continue;
			str_printf(&out, "\tlimits %.*s\n", (int)strcspn(line, "\n"), line);
			break;
		}
}

static void
tasks_put_input(const struct task *t)
{
	if (!t->secrets && !t->input)
		return;
	str_printf(&out, "\tstdin %s%s%s%s", t->secrets & TASK_TOKEN ? "the token, " : "",
		   t->secrets & TASK_API_KEY ? "the API key, " : "",
		   t->secrets & TASK_SECRET_KEY ? "the keys, " : "",
		   t->secrets & TASK_SESSION_TOKEN ? "the session token, " : "");
	str_printf(&out, "%zu bytes", t->ninput);
	for (const char *s = t->input, *end; s && *s; s = end + (*end == '\n')) {
		end = strchrnul(s, '\n');
		str_puts(&out, *s == '{' ? ", a line of JSON" : ", a line");
	}
	str_puts(&out, t->private ? ", private\n" : "\n");
}

static void
tasks_put(const struct task *t, const struct node *n, const char *what)
{
	static const char *const types[] = {"script", "fetch", "lua", "spread", "upload", "probe"};
	const char *made = t->script ? tasks_made_of(t->script->text) : NULL;

	str_printf(&out, "%s %s: ", types[t->type], n ? n->name : "here");
	tasks_put_words(what ? what : "-");
	str_putc(&out, '\n');
	if (t->type == TASK_SCRIPT && !made)
		fail_msg("'%s' is made of more than scripts", t->script->name);
	if (made)
		str_printf(&out, "\ttext %s\n", made);
	if (made)
		tasks_put_limits(t->script->text);
	str_printf(&out, "\t%s%s, ", t->changes ? "changes" : "looks", t->noted ? ", noted" : "");
	str_printf(&out, t->timeout_s ? "%d s\n" : "no deadline\n", t->timeout_s);
	tasks_put_input(t);
	if (t->url)
		str_printf(&out, "\turl %s%s%s\n", t->url, t->sha256 ? " sha256 " : "",
			   t->sha256 ? t->sha256 : "");
	if (t->body)
		str_printf(&out, "\tbody %s\n", t->body);
	if (t->script && strstr(t->script->text, "\nargs '"))
		assert_args_fit(t);
	for (size_t i = 0; i < t->argc; i++) {
		const char *value = t->argv[i] + strcspn(t->argv[i], "=\n ");

		made = tasks_made_of(t->argv[i]);
		value = *value == '=' && !made ? value + 1 : t->argv[i];
		made = made ? made : tasks_made_of(value);
		str_putc(&out, '\t');
		if (made)
			str_printf(&out, "%.*s(text %s)", (int)(value - t->argv[i]), t->argv[i], made);
		else
			tasks_put_words(*t->argv[i] ? t->argv[i] : "''");
		str_putc(&out, '\n');
	}
}

static void
tasks_put_all(const char *title, const struct tasks *tasks)
{
	if (!tasks->n)
		return;
	str_printf(&out, "\n# %s\n", title);
	for (size_t i = 0; i < tasks->n; i++)
		tasks_put(&tasks->v[i].task, tasks->v[i].node, tasks->v[i].what);
}

/* ---- a cluster ---- */

static void
tasks_read(const char *name)
{
	build_text(whole_file(&arena, arena_printf(&arena, "tests/tasks/%s.yaml", name), NULL));
}

/* The files of the operator, as carry_load() reads them. */
static void
tasks_carry(struct spec *s)
{
	for (size_t i = 0; i < s->carried.n; i++) {
		struct spec_carried *f = &s->carried.v[i];

		f->bytes = arena_printf(&arena, "POISON-%s\n", f->name);
		f->n = strlen(f->bytes);
		f->sha256 = arena_printf(&arena, "sha256:%zx234567890abcdef", i + 1);
	}
}

/* What healthy nodes show before the first apply, and what the Hub says about the model. */
static void
tasks_observed(void)
{
	static const char seen[] = "podman\tok\t4.9\t-\nvenv\t/opt/vllm\tok\t0.19.0\t2.50.0\tyes\n"
		"model\tconfig.json\t10\t-\nimage\tvllm/vllm-openai:v0.17.1\tsha256:11\timg@sha256:22\n"
		"image\timg:1\tsha256:11\timg@sha256:22\n"
		"rdma\tmlx5_0\t1\t4: ACTIVE\t400 Gb/sec (4X NDR)\tInfiniBand\tib0\tyes\n";

	for (size_t i = 0; i < model->nspec; i++)
		seen_as(i, model->spec->carried.n || model->pull_once
			? arena_printf(&arena, "owner\t1000@/h/.local/state/dray\n%s", seen) : seen);
	cluster_find_key(model);
	model->api_key_mac = model->spec->serve.api_key.from == SECRET_NONE ? NULL : "hmac-sha256:1";
	model->mac_key = "00";
	if (model->source->fetched) {
		struct manifest *m = ar_new(&arena, struct manifest);

		m->v = ar_array(&arena, struct manifest_file, 2);
		m->v[0] = (struct manifest_file){"config.json", 700, "aa"};
		m->v[1] = (struct manifest_file){"model.safetensors", 5000, "bb"};
		m->n = 2;
		m->bytes = 5700;
		m->commit = COMMIT;
		cluster_take_manifest(model, m, NULL);
	}
}

static void
tasks_put_looks(struct addresses *list)
{
	struct task t;

	for (size_t i = 0; i < model->spec->hooks.n; i++)
		str_printf(&out, "hook %s: %lld s\n", model->spec->hooks.v[i].file.text,
			   model->spec->hooks.v[i].timeout.value);
	for (const struct engine_port *p = model->engine->ports; p->what; p++)
		str_printf(&out, "ports %d to %d: %s\n", p->from, p->to, p->what);
	str_puts(&out, "\n# the look\n");
	for (size_t i = 0; i < model->nnode; i++) {
		observe_task(&arena, model, &model->node[i], false, &t);
		tasks_put(&t, &model->node[i], "observe");
	}
	for (size_t i = 0; i < model->custom.n; i++) {
		const struct custom_step *u = &model->custom.v[i];

		if (!custom_has_look(u))
			continue;
		custom_look_task(&arena, u, &t);
		tasks_put(&t, cluster_node(model, u->node), u->addr);
	}
	for (size_t i = 0; list && i < list->n; i++)
		if (address_task(&arena, list, i, &t))
			tasks_put(&t, list->v[i].node, "which addresses can be dialled");
	discover_task(&arena, model, &t);
	tasks_put(&t, &model->node[0], "discover");
}

/* The step as its up leaves it. */
static void
tasks_there(struct step *s)
{
	s->observed = (struct observed){.state = STATE_PRESENT,
		.have = step_inputs(&arena, s),
		.instance = arena_printf(&arena, "INSTANCE-OF-%s", s->addr),
		.output = arena_printf(&arena, "OUTPUT-OF-%s", s->addr)};
	if (strcmp(s->kind->name, "download") == 0 || strcmp(s->kind->name, "weights") == 0)
		s->observed.output = COMMIT;
}

static void
tasks_put_step(struct step *s)
{
	struct tasks up = {0}, guard = {0}, diagnose = {0};

	graph_resolve(&arena, s);
	s->kind->up(&arena, s, &up);
	tasks_put_all(arena_printf(&arena, "%s up", s->addr), &up);
	tasks_there(s);
	if (s->kind->guard)
		s->kind->guard(&arena, s, &guard);
	tasks_put_all(arena_printf(&arena, "%s guard", s->addr), &guard);
	if (s->kind->diagnose)
		s->kind->diagnose(&arena, s, &diagnose);
	tasks_put_all(arena_printf(&arena, "%s diagnose", s->addr), &diagnose);
}

static void
tasks_put_steps(void)
{
	for (size_t i = 0; i < graph->n; i++) {
		const struct kind *k = graph->v[i]->kind;
		struct tasks prove = {0};

		if (!k->prove || (i > 0 && graph->v[i - 1]->kind == k))
			continue;
		k->prove(&arena, graph, &prove);
		tasks_put_all(arena_printf(&arena, "%s, before anything", k->name), &prove);
	}
	for (size_t i = 0; i < graph->n; i++)
		if (graph->v[i]->kind->up)
			tasks_put_step(graph->v[i]);
	for (size_t i = graph->n; i-- > 0;) {
		struct tasks down = {0};

		if (graph->v[i]->kind->down)
			graph->v[i]->kind->down(&arena, graph->v[i], &down);
		tasks_put_all(arena_printf(&arena, "%s down", graph->v[i]->addr), &down);
	}
}

static void
tasks_put_state(void)
{
	struct step *s = graph->v[graph->n - 1];
	struct question q;
	struct task t;

	if (answer_question(&arena, graph, &q)) {
		str_puts(&out, "\n# what runs is asked for one token\n");
		tasks_put(&q.task, q.server->node, q.models_url);
	}
	const struct history_entry e = {.id = "00000000000000a1", .at = "2026-11-30T10:00:00Z", .by = "al@box",
		.command = "apply", .result = "done", .what = "create serve", .seconds = 70, .down = HISTORY_NOT_DOWN,
		.spec = "cluster: c1\n"};

	str_puts(&out, "\n# the lock, records, members\n");
	lock_task(&arena, model, "{\"apply\":\"a1\"}", &t);
	tasks_put(&t, &model->node[0], "lock");
	record_task(&arena, model, s->addr, record_of(&arena, s, "done", "a1", "t"), &t);
	tasks_put(&t, s->node, "write a record");
	record_task(&arena, model, s->addr, NULL, &t);
	tasks_put(&t, s->node, "remove a record");
	members_task(&arena, model, "{\"nodes\":[]}", &t);
	tasks_put(&t, &model->node[0], "write members");
	members_task_with(&arena, model, "{\"nodes\":[]}", &e, &t);
	tasks_put(&t, &model->node[0], "write members and the history");
	members_task(&arena, model, NULL, &t);
	tasks_put(&t, &model->node[0], "remove members");
	history_task(&arena, model, &t);
	tasks_put(&t, &model->node[0], "print the history");
}

/* ---- compared ---- */

static void
tasks_compare(const char *name)
{
	const char *path = arena_printf(&arena, "tests/tasks/%s.txt", name);
	bool update = getenv("UPDATE") != NULL;
	FILE *f = update ? fopen(path, "we") : popen(arena_printf(&arena, "diff -u %s -", path), "we");

	assert_non_null(f);
	assert_null(strstr(str_text(&out), "POISON"));
	fputs(str_text(&out), f);
	str_release(&out);
	if ((update ? fclose(f) : pclose(f)) != 0)
		fail_msg("%s differs: UPDATE=1 build/tests/unit/tasks_test rewrites it", path);
}

static void
tasks_of(const char *name)
{
	struct addresses *list;

	tasks_read(name);
	tasks_carry((struct spec *)(uintptr_t)model->spec);
	tasks_observed();
	model->node[0].port = 2201;     /* as its executor has it */
	list = addresses_list(&arena, model->node, model->nnode);
	model->addresses = addresses_open(list) ? list : NULL;
	if (model->addresses) {
		addresses_ask_all(list);
		addresses_take(&arena, list, 0, "reach\t192.0.2.2\tyes\tp\nend\n", 26);
		addresses_take(&arena, list, 1, "reach\t192.0.2.1\tyes\tp\nend\n", 26);
	}
	cluster_decide(&arena, model, &problems);
	graph = graph_build(&arena, model, &problems);
	for (size_t i = 0; i < problems.n; i++)
		if (problems.v[i].severity == DIAG_ERROR)
			fail_msg("%s: %s", name, problems.v[i].text);
	tasks_put_looks(model->addresses);
	tasks_put_steps();
	tasks_put_state();
	tasks_compare(name);
}

/* The texts that are not tasks of a plan: the run half sends them. And their deadlines. */
static void
test_others(void **state)
{
	static const char *const names[] = {"alive", "argv", "exec", "giving", "kill", "safetensors", "tunnel",
		"weights-give", "weights-take", "image-wait", "image-pack", "image-copy", "sif-copy"};
#define WAITS(name) {#name, patience.name}
	const struct { const char *name; unsigned seconds; } waits[] = {
		WAITS(secret), WAITS(git), WAITS(connect), WAITS(login), WAITS(keepalive),
		WAITS(dead), WAITS(persist), WAITS(hello), WAITS(start), WAITS(busy), WAITS(killed), WAITS(quiet),
		WAITS(answer), WAITS(http_connect), WAITS(http), WAITS(hub), WAITS(headers),
		WAITS(tensors), WAITS(ask_status), WAITS(metrics), WAITS(chat), WAITS(guard), WAITS(unheard),
		WAITS(diagnose), WAITS(reconnect), WAITS(orphan), WAITS(leave), WAITS(lock),
		WAITS(lock_again), WAITS(inventory), WAITS(lua_run),
	};

	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		str_printf(&out, "%s\n", names[i]);
		tasks_put_limits(script_get(names[i])->text);
	}
	_Static_assert(countof(waits) == sizeof(struct patience) / sizeof(unsigned), "each of them");
	str_puts(&out, "\nthis side waits, in seconds\n");
	for (size_t i = 0; i < countof(waits); i++)
		str_printf(&out, "\t%s %u\n", waits[i].name, waits[i].seconds);
	str_printf(&out, "\nlogs: %d lines, %d bytes, followed every %d s\n", LOGS_LINES, LOGS_BYTES, FOLLOW_EVERY);
	tasks_compare("others");
}

static void test_ray(void **state) { (void)state; tasks_of("ray"); }
static void test_mp(void **state) { (void)state; tasks_of("mp"); }
static void test_data(void **state) { (void)state; tasks_of("data"); }
static void test_none(void **state) { (void)state; tasks_of("none"); }
static void test_podman(void **state) { (void)state; tasks_of("podman"); }
static void test_local(void **state) { (void)state; tasks_of("local"); }
static void test_bucket(void **state) { (void)state; tasks_of("bucket"); }
static void test_modelscope(void **state) { (void)state; tasks_of("modelscope"); }
static void test_files(void **state) { (void)state; tasks_of("files"); }
static void test_files_none(void **state) { (void)state; tasks_of("files-none"); }

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ray, reset),
		cmocka_unit_test_setup(test_mp, reset),
		cmocka_unit_test_setup(test_data, reset),
		cmocka_unit_test_setup(test_none, reset),
		cmocka_unit_test_setup(test_podman, reset),
		cmocka_unit_test_setup(test_local, reset),
		cmocka_unit_test_setup(test_bucket, reset),
		cmocka_unit_test_setup(test_modelscope, reset),
		cmocka_unit_test_setup(test_files, reset),
		cmocka_unit_test_setup(test_files_none, reset),
		cmocka_unit_test_setup(test_others, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
