/* members.json: written, read back, and how little of it is trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "planner/cluster/members.h"
#include "planner/facts/facts.h"

static struct cluster *
model_of(struct arena *a, size_t n, const char *const *host, struct spec_node *spec)
{
	struct cluster *c = ar_new(a, struct cluster);

	*c = (struct cluster){.name = "x", .node = ar_array(a, struct node, n), .nnode = n,
		.capnode = n, .nspec = n};
	for (size_t i = 0; i < n; i++) {
		spec[i] = (struct spec_node){.ssh = {.user.text = "ubuntu",
			.port = {.value = 2222, .set = true}}};
		c->node[i] = (struct node){.name = arena_printf(a, "n%zu", i), .host = host[i],
			.executor = "ssh", .spec = &spec[i], .rank = i,
			.facts = ar_new(a, struct facts)};
		c->node[i].facts->machine_id = arena_printf(a, "id-%s", host[i]);
	}
	return c;
}

static void
name_one(struct arena *a, struct cluster *c, const char *host)
{
	json_t *json = json_pack("{s:s, s:[{s:s, s:s}]}", "cluster", "x", "nodes", "name", "z",
				 "host", host);
	char *text = json_dumps(json, JSON_COMPACT);

	members_merge(a, c, "n0", text, strlen(text));
	free(text);
	json_decref(json);
}

static void
test_members(void **state)
{
	struct arena a = {0};
	struct spec_node spec[8];
	const char *json;
	struct cluster *c = model_of(&a, 3, (const char *[]){"h0", "h1", "h2"}, spec);

	(void)state;
	json = members_write(&a, c, "17");
	/* The same spec: no new members. */
	members_merge(&a, c, "n0", json, strlen(json));
	assert_int_equal(c->nnode, 3);
	/* h2 left. */
	c = model_of(&a, 2, (const char *[]){"h0", "h1"}, spec);
	members_merge(&a, c, "n0", json, strlen(json));
	assert_int_equal(c->nnode, 3);
	assert_int_equal(c->nspec, 2);
	assert_string_equal(c->node[2].name, "n2");
	assert_null(c->node[2].spec);
	assert_null(c->node[2].member->ssh.user.text);
	assert_true(c->node[2].member->ssh.port.value == 2222);
	assert_string_equal(members_apply(&a, json), "17");
	assert_null(members_apply(&a, "{\"apply_id\": 17}"));
	assert_null(members_apply(&a, "rubbish"));
	assert_null(members_apply(&a, NULL));
	/* Another node says the same: it is added only once. */
	members_merge(&a, c, "n0", json, strlen(json));
	assert_int_equal(c->nnode, 3);
	/* It is a member until it is cleaned up. */
	assert_non_null(strstr(members_write(&a, c, "18"), "\"n2\""));
	c->node[2].forget = true;
	assert_null(strstr(members_write(&a, c, "18"), "\"n2\""));
	arena_release(&a);
}

/* The name n1 moved to another machine; the old one must still be cleaned up. */
static void
test_moved_name(void **state)
{
	struct arena a = {0};
	struct spec_node spec[8];
	struct cluster *c = model_of(&a, 2, (const char *[]){"h0", "h1"}, spec);
	const char *json = members_write(&a, c, "17");

	(void)state;
	c = model_of(&a, 2, (const char *[]){"h0", "h9"}, spec);
	members_merge(&a, c, "n0", json, strlen(json));
	assert_int_equal(c->nnode, 3);
	assert_string_equal(c->node[2].name, "n1@h1");
	/* The same machine with another address is not another machine. */
	c = model_of(&a, 2, (const char *[]){"h0", "h9"}, spec);
	c->node[1].facts->machine_id = "id-h1";
	members_merge(&a, c, "n0", json, strlen(json));
	assert_int_equal(c->nnode, 2);
	/* A reinstalled host has nothing of the old one to clean up. */
	c = model_of(&a, 2, (const char *[]){"h0", "h1"}, spec);
	c->node[1].facts->machine_id = "id-new";
	members_merge(&a, c, "n0", json, strlen(json));
	assert_int_equal(c->nnode, 2);
	arena_release(&a);
}

/* Rented hosts share an address and have different ports, and perhaps the same disk image:
 * the one that left is still a separate host. */
static void
test_one_host(void **state)
{
	static const char *const all[] = {"gw", "gw", "gw"};
	struct arena a = {0};

	(void)state;
	for (int cloned = 0; cloned < 2; cloned++) {
		struct spec_node spec[3];
		struct cluster *c = model_of(&a, 3, all, spec);
		const char *json = NULL;

		for (int n = 3; n > 1; n--) {
			c = model_of(&a, (size_t)n, all, spec);
			for (int i = 0; i < n; i++) {
				spec[i].ssh.port.value = 2201 + i;
				if (!cloned)
					c->node[i].facts->machine_id = arena_printf(&a, "id-%d", i);
			}
			if (n == 3)
				json = members_write(&a, c, "17");
		}
		members_merge(&a, c, "n0", json, strlen(json));
		assert_int_equal(c->nnode, 3);
		assert_string_equal(c->node[2].name, "n2");
		assert_true(c->node[2].member->ssh.port.value == 2203);
		/* Another port and name, but the machine is recognised by its id, if that is
		 * unique. */
		c = model_of(&a, 1, all, spec);
		spec[0].ssh.port.value = 2299;
		c->node[0].name = "new";
		c->node[0].facts->machine_id = cloned ? "id-gw" : "id-1";
		members_merge(&a, c, "n0", json, strlen(json));
		assert_int_equal(c->nnode, cloned ? 4 : 3);
	}
	arena_release(&a);
}

/* What a list may say about how a node is reached, and what dray makes of it. The spec has three
 * nodes by ssh; the last one is reached by `here`. NULL: not contacted. */
static void
test_ways(void **state)
{
	static const struct pair label = {.key.text = "pid", .value.text = "1"};
	static const struct {
		const char *here;       /* executor of the last node of the spec */
		bool labels;
		const char *says, *executor, *why;
	} cases[] = {
		{"ssh", false, "", "ssh", NULL},
		{"ssh", false, ",\"way\":\"ssh\"", "ssh", NULL},
		{"ssh", false, ",\"executor\":\"ssh\"", "ssh", NULL},
		{"local", false, ",\"way\":\"local\"", NULL, "executor local"},
		{"local", false, ",\"executor\":\"local\"", NULL, "executor local"},
		{"x.lua", false, ",\"way\":\"local\",\"executor\":\"x.lua\"", NULL, "executor local"},
		{"x.lua", false, ",\"way\":\"lua\"", "x.lua", NULL},
		{"x.lua", false, ",\"executor\":\"x.lua\"", "x.lua", NULL},
		{"x.lua", false, ",\"executor\":\"./x.lua\"", NULL, "no node of the spec has"},
		{"x.lua", false, ",\"executor\":\"other.lua\"", NULL, "no node of the spec has"},
		{"ssh", false, ",\"executor\":\"/tmp/other.lua\"", NULL, "no node of the spec has"},
		{"ssh", false, ",\"way\":\"lua\"", NULL, "no node of the spec has"},
		{"x.lua", true, ",\"way\":\"lua\"", NULL, "labels"},
		{"x.lua", true, ",\"executor\":\"x.lua\",\"labels\":{\"pid\":\"1\"}", NULL, "labels"},
		{"ssh", false, ",\"way\":\"telnet\"", NULL, "does not know"},
		{"ssh", false, ",\"way\":\"\"", NULL, "does not know"},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spec_node spec[3];
		struct cluster *c = model_of(&a, 3, (const char *[]){"h0", "h1", "h2"}, spec);
		struct spec all = {.ssh.user.text = "cluster"};
		const char *json = arena_printf(&a, "{\"cluster\":\"x\",\"nodes\":[{\"name\":\"z\","
			"\"host\":\"hz\",\"port\":22%s,\"ssh\":{\"user\":\"evil\",\"identity\":\"/etc/key\","
			"\"config\":\"rec/a.txt\",\"known_hosts\":\"rec/b.txt\"}}]}", cases[i].says);

		c->spec = &all;
		c->node[2].executor = cases[i].here;
		spec[2].labels.v = (struct pair *)(uintptr_t)&label;
		spec[2].labels.n = cases[i].labels;
		members_merge(&a, c, "n0", json, strlen(json));
		assert_int_equal(c->nnode, 4);
		assert_string_equal(c->node[3].name, "z");
		assert_string_equal(c->node[3].named_by, "n0");
		assert_string_equal(c->node[3].executor, cases[i].executor ? cases[i].executor : "");
		if (cases[i].why)
			assert_non_null(strstr(c->node[3].no_way, cases[i].why));
		else
			assert_null(c->node[3].no_way);
		/* Everything except the port comes from the spec. */
		assert_string_equal(c->node[3].member->ssh.user.text, "cluster");
		assert_null(c->node[3].member->ssh.identity.text);
		assert_null(c->node[3].member->ssh.config.text);
		assert_null(c->node[3].member->ssh.known_hosts.text);
		assert_int_equal(c->node[3].member->ssh.port.value, 22);
		assert_int_equal(c->node[3].member->labels.n, 0);
	}
	arena_release(&a);
}

/* The way to a node is not written, either. But that a node was this machine is, so that nobody
 * looks for it by ssh, for as long as it is a member. */
static void
test_written(void **state)
{
	struct arena a = {0};
	struct spec_node spec[3];
	struct cluster *c = model_of(&a, 3, (const char *[]){"h0", "localhost", "h2"}, spec);
	const char *json;

	(void)state;
	c->node[1].executor = "local";
	c->node[2].executor = "ways/pod.lua";
	json = members_write(&a, c, "17");
	assert_null(strstr(json, "pod.lua"));
	assert_null(strstr(json, "ubuntu"));
	assert_null(strstr(json, "executor"));
	assert_non_null(strstr(json, "{\"name\":\"n1\",\"host\":\"localhost\",\"port\":2222,"
			       "\"machine_id\":\"id-localhost\",\"way\":\"local\"}"));
	c = model_of(&a, 1, (const char *[]){"h0"}, spec);
	members_merge(&a, c, "n0", json, strlen(json));
	assert_int_equal(c->nnode, 3);
	assert_non_null(c->node[1].no_way);
	assert_non_null(c->node[2].no_way);
	assert_string_equal(members_write(&a, c, "17"), json);
	arena_release(&a);
}

/* Hosts that a list cannot make dray dial, and some that it can. */
static void
test_hosts(void **state)
{
	static const char *const refused[] = {"localhost", "LocalHost", "localhost.localdomain",
		"a.localhost", "ip6-loopback", "127.0.0.1", "127.9.9.9", "127.1", "0", "0.0.0.0",
		"2130706433", "0x7f000001", "017700000001", "0:0:0:0:0:0:0:1", "0:0:0:0:0:0:0:0",
		"0:0:0:0:0:ffff:7f00:1", "0::ffff:127.0.0.1", "10.1", "fe80::1%eth0", "gpu:22"};
	static const char *const nobody[] = {"-oProxyCommand=x", "a b", "a/b", "a'b", "a;b", "a\nb",
		"root@h", "$(id)", "::1", "caf\xc3\xa9", "a-", ".a", "", "a\x1b[2J"};
	static const char *const fine[] = {"gpu-5", "10.0.0.5", "2001:db8::5", "gpu_5.lan", "5.lan"};
	struct arena a = {0};
	struct spec_node spec[1];

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct cluster *c = model_of(&a, 1, (const char *[]){"h0"}, spec);

		name_one(&a, c, refused[i]);
		assert_int_equal(c->nnode, 2);
		assert_non_null(c->node[1].no_way);
	}
	for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
		struct cluster *c = model_of(&a, 1, (const char *[]){"h0"}, spec);

		name_one(&a, c, nobody[i]);
		assert_int_equal(c->nnode, 1);
	}
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
		struct cluster *c = model_of(&a, 1, (const char *[]){"h0"}, spec);

		name_one(&a, c, fine[i]);
		assert_int_equal(c->nnode, 2);
		assert_null(c->node[1].no_way);
	}
	arena_release(&a);
}

/* A node that names thousands of members does not delay dray for long; one that names nodes of the
 * spec adds none. */
static void
test_many_members(void **state)
{
	struct arena a = {0};
	struct spec_node spec[8];
	struct cluster *c = model_of(&a, 8, (const char *[]){"h0", "h1", "h2", "h3", "h4", "h5", "h6",
		"h7"}, spec);
	const char *all = members_write(&a, c, "17");

	(void)state;
	for (size_t k = 0; k < 8; k++) {
		json_t *list = json_array(), *json;
		char *text;

		for (int i = 0; i < 4000; i++)
			json_array_append_new(list, json_pack("{s:o, s:s, s:i}",
				"name", json_sprintf("z%zu-%d", k, i), "host", "z",
				"port", 1000 + i + 4000 * (int)k));
		json = json_pack("{s:s, s:o}", "cluster", "x", "nodes", list);
		text = json_dumps(json, JSON_COMPACT);
		members_merge(&a, c, c->node[k].name, all, strlen(all));
		members_merge(&a, c, c->node[k].name, text, strlen(text));
		assert_int_equal(c->nnode, 8 + (k < 4 ? 64 * (k + 1) : 256));
		assert_int_equal(c->ncut, k + 1);
		assert_string_equal(c->cut_by, "n0");
		free(text);
		json_decref(json);
	}
	arena_release(&a);
}

/* A node that the operator lists under `left` is never confused with another one. */
static void
test_left(void **state)
{
	struct arena a = {0};
	struct spec_node spec[3];
	struct cluster *c = model_of(&a, 3, (const char *[]){"h0", "h1", "localhost"}, spec);
	const char *json = members_write(&a, c, "17");

	(void)state;
	c = model_of(&a, 3, (const char *[]){"h0", "h1", "elsewhere"}, spec);
	c->nspec = 2;
	c->node[2].spec = NULL;
	c->node[2].member = &spec[2];
	c->node[2].left = true;
	members_merge(&a, c, "n0", json, strlen(json));
	assert_int_equal(c->nnode, 3);
	arena_release(&a);
}

static void
test_bad_members(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "{\"nodes\":[]}",
		"{\"cluster\":\"other\",\"nodes\":[{\"name\":\"z\",\"host\":\"hz\"}]}",
		"{\"cluster\":\"x\",\"nodes\":{}}", "{\"cluster\":\"x\",\"nodes\":[1,null,{}]}",
		"{\"cluster\":\"x\",\"nodes\":[{\"name\":\"z\"},{\"host\":\"z\"}]}",
		"{\"cluster\":\"x\",\"nodes\":[{\"name\":\"z\",\"host\":\"-oProxyCommand=x\"}]}",
		"{\"cluster\":\"x\",\"nodes\":[{\"name\":\"\",\"host\":\"\"}]}"};
	struct arena a = {0};
	struct spec_node spec[2];
	struct cluster *c = model_of(&a, 1, (const char *[]){"h0"}, spec);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		members_merge(&a, c, "n0", bad[i], strlen(bad[i]));
	assert_int_equal(c->nnode, 1);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_moved_name),
		cmocka_unit_test(test_one_host),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_many_members),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_bad_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
