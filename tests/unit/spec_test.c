/* The spec from bytes to cluster: values, defaults, ranges, variables, checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/spec/checks.h"
#include "planner/spec/fields.h"
#include "planner/spec/places.h"
#include "planner/custom/compile.h"
#include "planner/spec/range.h"

struct fixture {
	struct arena arena;
	struct diags d;
	struct source src;
};

static const char *
environment(const char *name)
{
	return strcmp(name, "REVISION") == 0 ? "v1" : NULL;
}

static struct spec *
read_text(struct fixture *f, const char *text)
{
	*f = (struct fixture){0};
	f->d.arena = &f->arena;
	f->src = (struct source){"t.yaml", text, strlen(text)};
	return spec_read(&f->arena, &f->src, environment, &f->d);
}

/* The same, and it must be valid. */
static struct spec *
read_good(struct fixture *f, const char *text)
{
	struct spec *s = read_text(f, text);

	if (!s)
		diag_print(&f->d, stderr, false);
	assert_non_null(s);
	assert_int_equal(f->d.nerror, 0);
	return s;
}

#define HEAD "cluster: c\nshared_dir: /srv/models/\n"
#define MODEL "model: {repo: org/name}\n"
#define ENGINE "engine: {image: 'img:1'}\n"
#define TP2 "parallelism: {tensor: 2}\n"
#define NODE "nodes: [gpu-1]\n"

static void
defaults(void **state)
{
	struct fixture f;
	struct spec *s = read_good(&f, HEAD NODE MODEL ENGINE TP2);

	(void)state;
	assert_string_equal(s->cluster.text, "c");
	assert_string_equal(s->shared_dir.text, "/srv/models");
	assert_string_equal(s->model.revision.text, "main");
	assert_string_equal(s->model.endpoint.text, "https://huggingface.co");
	assert_string_equal(s->model.client.text, "image");
	assert_int_equal(s->model.token.from, SECRET_NONE);
	assert_int_equal(s->parallelism.tensor.value, 2);
	assert_int_equal(s->parallelism.pipeline.value, 1);
	assert_false(s->parallelism.pipeline.set);
	assert_string_equal(s->engine.backend.text, "auto");
	assert_string_equal(s->engine.launcher.text, "container");
	assert_string_equal(s->engine.runtime.text, "docker");
	assert_int_equal(strlen(s->engine.script.sha256.text), 64);
	assert_int_equal(s->serve.port.value, 8000);
	assert_string_equal(s->serve.bind.text, "0.0.0.0");
	assert_int_equal(s->serve.name.n, 0);
	assert_string_equal(s->probe.prompt.text, "Say hello.");
	assert_int_equal(s->probe.max_tokens.value, 8);
	assert_int_equal(s->probe.timeout.value, 120);
	assert_int_equal(s->limits.parallel.value, 64);
	assert_int_equal(s->limits.downloads.value, 1);
	assert_int_equal(s->nnode, 1);
	assert_string_equal(s->node[0].name.text, "gpu-1");
	assert_string_equal(s->node[0].executor.text, "ssh");
	assert_null(s->node[0].address.text);
	assert_false(s->node[0].gpus.set);
	assert_int_equal(s->node[0].ssh.port.value, 0);
	assert_false(s->node[0].ssh.port.set);
	assert_int_equal(s->node[0].ssh.connect_timeout.value, 0);
	assert_null(s->node[0].ssh.user.text);
	arena_release(&f.arena);
}

/* The key decides the type: these are strings, whatever YAML thinks of them. */
static void
texts_stay_as_written(void **state)
{
	struct fixture f;
	struct spec *s = read_good(&f,
		"cluster: no\nshared_dir: /1.10\nnodes: [010, yes, 1.10]\n"
		"model: {repo: 010/1e3, revision: 010}\nparallelism: {tensor: '4'}\n"
		"engine: {image: 'img:1', args: {one: 010, two: 1.10, four: no, six: 0x1F, five: true},\n"
		"  env: {A: 1_000, B: on, C: ''}}\nserve: {name: 1.10, port: \"80\"}\n");

	(void)state;
	assert_string_equal(s->cluster.text, "no");
	assert_string_equal(s->node[0].host.text, "010");
	assert_string_equal(s->node[1].host.text, "yes");
	assert_string_equal(s->node[2].host.text, "1.10");
	assert_string_equal(s->model.repo.text, "010/1e3");
	assert_string_equal(s->model.revision.text, "010");
	assert_string_equal(s->serve.name.v[0].text, "1.10");
	assert_int_equal(s->serve.port.value, 80);
	assert_true(s->serve.port.set);
	assert_int_equal(s->parallelism.tensor.value, 4);
	assert_string_equal(s->engine.args.v[0].value.text, "010");
	assert_string_equal(s->engine.args.v[1].value.text, "1.10");
	assert_string_equal(s->engine.args.v[2].value.text, "no");
	assert_string_equal(s->engine.args.v[3].value.text, "0x1F");
	assert_string_equal(s->engine.env.v[0].value.text, "1_000");
	assert_string_equal(s->engine.env.v[1].value.text, "on");
	assert_string_equal(s->engine.env.v[2].value.text, "");
	arena_release(&f.arena);
}

static void
engine_arguments(void **state)
{
	static const struct { const char *value; size_t n; const char *want[4]; } cases[] = {
		{"32768", 2, {"--max-model-len", "32768"}}, {"true", 1, {"--max-model-len"}},
		{"false", 1, {"--no-max-model-len"}}, {"", 2, {"--max-model-len", ""}},
		{"a b\nc\nd", 4, {"--max-model-len", "a b", "c", "d"}},
	};
	struct fixture f;
	struct spec *s = read_good(&f, HEAD NODE MODEL TP2 "engine:\n  image: img:1\n  args:\n"
		"    max_model_len: 5\n    allowed-origins: [a, 'b c', 010]\n    flag: true\n"
		"    json: '{\"a\": 1}'\n");

	(void)state;
	assert_int_equal(s->engine.args.n, 4);
	assert_string_equal(s->engine.args.v[0].key.text, "max-model-len");
	assert_string_equal(s->engine.args.v[1].value.text, "a\nb c\n010");
	assert_string_equal(s->engine.args.v[2].value.text, "true");
	assert_string_equal(s->engine.args.v[3].value.text, "{\"a\": 1}");
	for (size_t i = 0; i < countof(cases); i++) {
		size_t n;
		const char **words = spec_arg(&f.arena, "max-model-len", cases[i].value, &n);

		assert_int_equal(n, cases[i].n);
		for (size_t k = 0; k < n; k++)
			assert_string_equal(words[k], cases[i].want[k]);
	}
	arena_release(&f.arena);
}

static void
secrets(void **state)
{
	struct fixture f;
	struct spec *s = read_good(&f, HEAD NODE ENGINE TP2 "vars: {who: HF}\n"
		"model: {repo: org/name, token: 'env:${who}_TOKEN'}\n"
		"serve: {api_key: 'cmd: pass show vllm'}\n");

	(void)state;
	assert_int_equal(s->model.token.from, SECRET_ENV);
	assert_string_equal(s->model.token.what, "HF_TOKEN");
	assert_int_equal(s->serve.api_key.from, SECRET_CMD);
	assert_string_equal(s->serve.api_key.what, "pass show vllm");
	arena_release(&f.arena);
	s = read_good(&f, HEAD NODE MODEL ENGINE TP2 "serve: {api_key: file:~/.key}\n");
	assert_int_equal(s->serve.api_key.from, SECRET_FILE);
	assert_string_equal(s->serve.api_key.what, "~/.key");
	arena_release(&f.arena);
}

static void
ranges(void **state)
{
	static const struct { const char *text, *joined; } good[] = {
		{"gpu", "gpu"}, {"gpu-[1-3]", "gpu-1 gpu-2 gpu-3"},
		{"gpu-[08-11]", "gpu-08 gpu-09 gpu-10 gpu-11"}, {"[7]", "7"},
		{"a[1,3,5-7]b", "a1b a3b a5b a6b a7b"}, {"r[1-2]n[01,10]", "r1n01 r1n10 r2n01 r2n10"},
		{"x[0-2]", "x0 x1 x2"}, {"x[00]", "x00"}, {"192.0.2.[9-10]", "192.0.2.9 192.0.2.10"},
		{"2001:db8::[1-2]", "2001:db8::1 2001:db8::2"},
	};
	static const char *const bad[] = {"a[", "a]", "a[]", "a[1-]", "a[-1]", "a[2-1]", "a[1,]",
		"a[x]", "a[1-2", "a[1]]", "a[[1]]", "a[01-3]", "a[1-1025]", "a[1-33][1-33]",
		"a[1 - 2]", "a[99999999999]", "a[1.5]"};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < countof(good); i++) {
		struct range_names names = {0};
		struct range_error e;
		struct str s = {0};

		assert_true(range_expand(&a, good[i].text, &names, &e));
		for (size_t k = 0; k < names.n; k++)
			str_printf(&s, "%s%s", k ? " " : "", names.v[k]);
		assert_string_equal(str_text(&s), good[i].joined);
		str_release(&s);
	}
	for (size_t i = 0; i < countof(bad); i++) {
		struct range_names names = {0};
		struct range_error e = {0};

		assert_false(range_expand(&a, bad[i], &names, &e));
		assert_non_null(e.why);
		assert_true(e.part >= bad[i] && e.part + e.len <= bad[i] + strlen(bad[i]));
	}
	arena_release(&a);
}

static void
nodes_from_ranges(void **state)
{
	struct fixture f;
	struct spec *s = read_good(&f, HEAD MODEL ENGINE "parallelism: {tensor: 8, pipeline: 5}\n"
		"ssh: {user: all, port: 2222}\n"
		"nodes:\n  - head\n  - host: 10.0.0.[1-3]\n    name: w-[01-03]\n    gpus: 8\n"
		"    address: 10.1.0.[1-3]\n    ssh: {user: own}\n    env: {A: b}\n"
		"  - {executor: local, name: here}\n");

	(void)state;
	assert_int_equal(s->nnode, 5);
	assert_string_equal(s->node[0].ssh.user.text, "all");
	assert_string_equal(s->node[2].name.text, "w-02");
	assert_string_equal(s->node[2].host.text, "10.0.0.2");
	assert_string_equal(s->node[2].address.text, "10.1.0.2");
	assert_int_equal(s->node[3].gpus.value, 8);
	assert_string_equal(s->node[3].ssh.user.text, "own");
	assert_int_equal(s->node[3].ssh.port.value, 2222);
	assert_true(s->node[3].ssh.port.set);
	assert_string_equal(s->node[1].env.v[0].value.text, "b");
	assert_string_equal(s->node[4].host.text, "localhost");
	assert_string_equal(s->node[4].name.text, "here");
	arena_release(&f.arena);
}

static void
variables(void **state)
{
	struct fixture f;
	struct spec *s = read_good(&f, "cluster: c-${size}\nnodes: ['gpu-[1-${count}]']\n"
		"shared_dir: ${root}/x\nengine: {image: '${image}:1', env: {A: '$${b} $c $ {d'}}\n"
		"model: {repo: '${org}/m-${size}', revision: '${env:REVISION}'}\n"
		"parallelism: {tensor: '${count}'}\n"
		"vars: {root: '/a/${org}', org: o, size: 8b, count: 2, image: img}\n");

	(void)state;
	assert_string_equal(s->cluster.text, "c-8b");
	assert_int_equal(s->nnode, 2);
	assert_string_equal(s->shared_dir.text, "/a/o/x");
	assert_string_equal(s->engine.image.text, "img:1");
	assert_string_equal(s->engine.env.v[0].value.text, "${b} $c $ {d");
	assert_string_equal(s->model.repo.text, "o/m-8b");
	assert_string_equal(s->model.revision.text, "v1");
	assert_int_equal(s->parallelism.tensor.value, 2);
	assert_int_equal(s->vars.n, 5);
	assert_string_equal(s->vars.v[0].value.text, "/a/o");
	arena_release(&f.arena);
}

/* A secret in the file or in a variable is never shown. */
static void
no_secret_in_diagnostics(void **state)
{
	static const char *const texts[] = {
		HEAD NODE ENGINE TP2 "model: {repo: org/name, token: P0ison-P0ison}\nx: 1\n",
		HEAD NODE ENGINE TP2 "model: {repo: org/name, token: \"P0ison\n  P0ison\"}\nx: 1\n",
		HEAD NODE ENGINE TP2 MODEL "serve:\n  api_key: >-\n    x\n    P0ison\n  prt: 1\n",
		HEAD NODE MODEL TP2 "engine: {image: 'img:1', env: {MY_PASSWORD: P0ison}, x: 1}\n",
		HEAD NODE ENGINE TP2 "model: {repo: org/name, tokn: hf_P0isonP0ison}\n",
		HEAD NODE ENGINE TP2 MODEL "serve: {api_key: P0ison, port: 0, \"bind\": x}\n",
		HEAD NODE ENGINE TP2 "model: {repo: org/name, tokn: P0ison}\n",
		HEAD NODE ENGINE TP2 "model:\n  token: P0ison: x\n",
		HEAD "engine: {env: {\"MY_SECRET\" : 'P0ison'], x: 1}\n",
		HEAD "serve: {api_key: [P0ison\n",
	};
	bool found_when_shown = false;

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		struct fixture f;
		char *out = NULL;
		size_t n = 0;
		FILE *stream = open_memstream(&out, &n);

		assert_null(read_text(&f, texts[i]));
		diag_print(&f.d, stream, true);
		fclose(stream);
		assert_null(strstr(out, "P0ison"));
		free(out);
		arena_release(&f.arena);
	}
	/* The search can find it: a place that is not secret shows the text. */
	{
		struct fixture f;
		char *out = NULL;
		size_t n = 0;
		FILE *stream = open_memstream(&out, &n);

		read_text(&f, HEAD NODE ENGINE TP2 MODEL "x: P0ison\n");
		diag_print(&f.d, stream, true);
		fclose(stream);
		found_when_shown = strstr(out, "P0ison") != NULL;
		free(out);
		arena_release(&f.arena);
	}
	assert_true(found_when_shown);
}

static void
models(void **state)
{
	struct fixture f;
	struct spec *s = read_good(&f, HEAD MODEL ENGINE "parallelism: {tensor: 4, pipeline: 2}\n"
		"nodes:\n  - {host: 10.0.0.1, gpus: 4}\n  - {host: gpu-2, gpus: 4}\n"
		"  - {host: gpu-3, gpus: 4, address: 10.0.0.3}\n"
		"  - {host: 10.0.0.9, name: p, gpus: 4, ssh: {port: 2201}}\n"
		"  - {host: 10.0.0.9, name: q, gpus: 4, ssh: {port: 2202}}\n");
	struct cluster *c = cluster_compile(&f.arena, s, &f.d);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->nnode, 5);
	assert_int_equal(c->nspec, 5);
	assert_int_equal(c->nlayout, 2);
	assert_int_equal(f.d.nwarning, 1);
	assert_int_equal(c->node[0].role, ROLE_HEAD);
	assert_int_equal(c->node[2].role, ROLE_WORKER);
	assert_int_equal(c->node[2].rank, 2);
	assert_string_equal(c->node[0].address, "10.0.0.1");
	assert_null(c->node[1].address);
	assert_string_equal(c->node[2].address, "10.0.0.3");
	assert_null(c->node[3].address); /* an address of two nodes belongs to neither */
	assert_null(c->node[4].address);
	assert_string_equal(c->hub, "models--org--name");
	assert_string_equal(c->served_name, "org/name");
	assert_string_equal(c->hf_home, "/srv/models/.cache/huggingface");
	assert_string_equal(c->script_path, "/srv/models/.dray/run_cluster-f37a33e80e23.sh");
	assert_false(c->launcher_script);
	assert_ptr_equal(cluster_node(c, "gpu-2"), &c->node[1]);
	assert_null(cluster_node(c, "gpu-9"));
	arena_release(&f.arena);
	s = read_good(&f, HEAD NODE ENGINE TP2 "model: {path: /srv/my-model/}\n");
	c = cluster_compile(&f.arena, s, &f.d);
	assert_null(c->hub);
	assert_string_equal(c->served_name, "my-model");
	assert_int_equal(c->node[0].gpus, -1);
	arena_release(&f.arena);
}

static void
layouts(void **state)
{
	static const struct {
		const char *gpus;       /* one digit a node; '-': not given */
		long long tensor, pipeline;
		bool known, fits, spans;
		size_t nodes;
	} cases[] = {
		{"88", 8, 2, true, true, false, 2}, {"88", 4, 2, true, true, false, 1},
		{"8888", 8, 2, true, true, false, 2}, {"88", 8, 3, true, false, false, 0},
		{"44", 8, 1, true, true, true, 2}, {"66", 4, 3, true, true, true, 2},
		{"48", 4, 3, true, true, false, 2}, {"---", 2, 2, false, true, false, 3},
		{"---", 2, 1, false, true, false, 2}, {"8-", 8, 2, false, true, false, 2},
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct spec_node node[8] = {0};
		struct spec s = {.node = node, .nnode = strlen(cases[i].gpus)};
		struct layout l;

		for (size_t k = 0; k < s.nnode; k++)
			if (cases[i].gpus[k] != '-')
				node[k].gpus = (struct number){cases[i].gpus[k] - '0', true, false, {0}};
		s.parallelism.tensor.value = cases[i].tensor;
		s.parallelism.pipeline.value = cases[i].pipeline;
		s.parallelism.data.value = 1;
		l = layout_of(&s);
		assert_int_equal(l.known, cases[i].known);
		assert_int_equal(l.fits, cases[i].fits);
		assert_int_equal(l.spans, cases[i].spans);
		assert_int_equal(l.nodes, cases[i].nodes);
	}
}

/* Every check comes after those that it relies on, and describes itself. */
static void
checks_are_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		assert_true(strlen(checks[i].doc) > 10);
		assert_int_equal(checks[i].after >> i, 0);
	}
}

/* The examples in the reference are specs without an error or a warning. */
static void
examples_are_valid(void **state)
{
	struct arena a = {0};
	const char *page = spec_reference(&a, SPEC_MARKDOWN), *open;
	size_t n = 0;

	(void)state;
	while ((open = strstr(page, "```yaml\n"))) {
		const char *text = open + 8, *close = strstr(text, "```\n");
		struct fixture f;

		assert_non_null(close);
		read_good(&f, arena_strndup(&a, text, (size_t)(close - text)));
		assert_int_equal(f.d.nwarning, 0);
		arena_release(&f.arena);
		page = close + 4;
		n++;
	}
	assert_int_equal(n, 3);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(texts_stay_as_written),
		cmocka_unit_test(engine_arguments),
		cmocka_unit_test(secrets),
		cmocka_unit_test(ranges),
		cmocka_unit_test(nodes_from_ranges),
		cmocka_unit_test(variables),
		cmocka_unit_test(no_secret_in_diagnostics),
		cmocka_unit_test(models),
		cmocka_unit_test(layouts),
		cmocka_unit_test(checks_are_in_order),
		cmocka_unit_test(examples_are_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
