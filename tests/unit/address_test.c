/* The addresses of nodes, the results of dialling them, and which one is chosen; the RDMA
 * ports that all nodes have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "planner/cluster/address.h"
#include "planner/cluster/rdma.h"
#include "planner/plan/reconcile.h"

enum { MAX_NODES = 20 };

static struct arena arena;
static struct node nodes[MAX_NODES];
static struct cluster model;
static struct addresses *list;

static int
reset(void **state)
{
	(void)state;
	arena_release(&arena);
	arena = (struct arena){0};
	memset(nodes, 0, sizeof nodes);
	model = (struct cluster){.node = nodes};
	return 0;
}

/* Add a node, with these lines after its id. NULL: the node does not answer. */
static struct node *
node(const char *address, const char *lines)
{
	struct node *n = &nodes[model.nnode];
	const char *text;

	*n = (struct node){.name = arena_printf(&arena, "n%zu", model.nnode + 1),
		.rank = model.nnode, .address = address};
	model.nnode = model.nspec = model.nlayout = model.nnode + 1;
	if (lines) {
		text = arena_printf(&arena, "id\tm%s\tb\th\tu\t1\t1\t/\t1\n%send\n", n->name, lines);
		n->facts = facts_read(&arena, text, strlen(text));
	}
	return n;
}

/* Every node dials what it is told to. The FROM>ADDRESS pairs in `wall` fail. Returns how
 * many were dialled. */
static size_t
dial_round(const char *wall)
{
	size_t dialled = 0;

	for (size_t i = 0; i < model.nnode; i++) {
		struct task t;
		const char *text = "";

		if (!address_task(&arena, list, i, &t))
			continue;
		for (size_t k = 0; k < t.argc; k++) {
			const char *blank = strchr(t.argv[k], ' ');
			const char *address = arena_strndup(&arena, t.argv[k], (size_t)(blank - t.argv[k]));
			const char *key = arena_printf(&arena, "%s>%s;", nodes[i].name, address);
			const char *any = arena_printf(&arena, "*>%s;", address);
			bool closed = strstr(wall, key) || strstr(wall, any);

			text = arena_printf(&arena, "%sreach\t%s\t%s\tport 22\n", text, address,
					    closed ? "no" : "yes");
			dialled++;
		}
		text = arena_printf(&arena, "%send\n", text);
		addresses_take(&arena, list, i, text, strlen(text));
	}
	return dialled;
}

/* Dial as a plan does. Returns whether all peers reach each chosen address. */
static bool
dial(const char *wall)
{
	list = addresses_list(&arena, nodes, model.nnode);
	while (addresses_ask(list))
		assert_true(dial_round(wall) > 0);
	return addresses_proof(list) > 0;
}

static const char *
chosen(size_t i)
{
	return list->v[i].chosen ? list->v[i].chosen->address : "none";
}

static void
test_needed(void **state)
{
	(void)state;
	node("10.0.0.1", "addr\teth0\t10.0.0.1\t24\n");
	node("10.0.0.2", "addr\teth0\t10.0.0.2\t24\n");
	assert_false(addresses_open(addresses_list(&arena, nodes, 2)));
	node(NULL, "addr\teth0\t10.0.0.3\t24\n");
	assert_true(addresses_open(addresses_list(&arena, nodes, 3)));
	assert_false(addresses_open(addresses_list(&arena, &nodes[2], 1)));
}

/* If a later look shows the same addresses, they need not be dialled again. */
static void
test_same(void **state)
{
	const struct addresses *then;
	struct node *n;

	(void)state;
	node(NULL, "addr\teth0\t10.0.0.1\t24\n");
	node("10.0.0.2", "addr\teth0\t10.0.0.2\t24\n");
	then = addresses_list(&arena, nodes, 2);
	assert_true(addresses_same(then, addresses_list(&arena, nodes, 2)));
	/* One more node, a silent node, a changed address, a changed given address. */
	n = node(NULL, "addr\teth0\t10.0.0.3\t24\n");
	assert_false(addresses_same(then, addresses_list(&arena, nodes, 3)));
	assert_false(addresses_same(then, addresses_list(&arena, &nodes[1], 2)));
	nodes[1] = *n;
	nodes[1].name = "n2";
	assert_false(addresses_same(then, addresses_list(&arena, nodes, 2)));
	nodes[1].address = "10.0.0.2";
	assert_false(addresses_same(then, addresses_list(&arena, nodes, 2)));
	nodes[1].facts = NULL;
	assert_false(addresses_same(then, addresses_list(&arena, nodes, 2)));
}

/* No node dials more than a few or is dialled by more, and no split goes unnoticed: from each
 * node a path of dials leads to each other one. */
static void
test_peers(void **state)
{
	enum { MOST = 70 };
	size_t peer[ADDRESS_PEERS];

	(void)state;
	assert_int_equal(address_peers(0, 0, peer), 0);
	assert_int_equal(address_peers(1, 0, peer), 0);
	for (size_t n = 2; n < MOST; n++) {
		size_t dialled[MOST] = {0}, next[MOST] = {0};

		for (size_t i = 0; i < n; i++) {
			bool seen[MOST] = {false};
			size_t found = address_peers(n, i, peer);

			assert_int_equal(found, address_peers(n, 0, (size_t[ADDRESS_PEERS]){0}));
			assert_true(found == n - 1 || (n > ADDRESS_PEERS + 1 && found == 3));
			for (size_t k = 0; k < found; k++) {
				assert_true(peer[k] < n && peer[k] != i && !seen[peer[k]]);
				seen[peer[k]] = true;
				dialled[peer[k]]++;
				if (k == 0)
					next[i] = peer[k];
			}
		}
		for (size_t i = 0, at = 0; i < n; i++, at = next[at]) {
			assert_true(dialled[at] <= ADDRESS_PEERS && dialled[at] > 0);
			dialled[at] = 0;        /* the path comes by here once */
		}
	}
}

/* Many nodes: a sample is dialled, and the result says how many tried. */
static void
test_sample(void **state)
{
	struct str line = {0};

	(void)state;
	for (int i = 1; i <= MAX_NODES; i++)
		node(NULL, arena_printf(&arena, "addr\teth0\t10.0.0.%d\t24\naddr\teth1\t10.1.0.%d\t24\n"
					"nic\teth0\tup\t100\t1500\tphysical\n", i, i));
	list = addresses_list(&arena, nodes, model.nnode);
	assert_true(addresses_ask(list));
	assert_int_equal(dial_round(""), 3 * MAX_NODES);        /* 1, 3 and 9 behind */
	assert_false(addresses_ask(list));
	assert_int_equal(addresses_proof(list), 3);
	model.addresses = list;
	assert_true(plan_network(&line, &model));
	assert_non_null(strstr(line.buf, "10.0.0.4 (eth0) and 16 more, each reached by the 3 of 19 others "
			       "that tried"));
	str_release(&line);
	assert_string_equal(chosen(3), "10.0.0.4");
	/* The others do not reach one node at that address; one more round tries its other one. */
	assert_true(dial("n3>10.0.0.4;"));
	assert_string_equal(chosen(3), "10.1.0.4");
	assert_string_equal(chosen(7), "10.1.0.8");
	assert_non_null(strstr(list->v[2].dialled, "10.0.0.4\tno"));
	assert_non_null(strstr(list->v[2].dialled, "10.1.0.4\tyes"));
	assert_string_equal(strstr(list->v[2].dialled, "end\n"), "end\n");
	/* A node that nobody reaches at any address is named. */
	assert_false(dial("*>10.0.0.4;*>10.1.0.4;"));
	assert_string_equal(chosen(3), "none");
	assert_string_equal(chosen(4), "10.0.0.5");
	/* A part of the nodes that does not reach the rest. */
	assert_false(dial("n5>10.0.0.6;n5>10.1.0.6;"));
	/* A discovery asks about all of them. */
	list = addresses_list(&arena, nodes, model.nnode);
	addresses_ask_all(list);
	assert_int_equal(dial_round(""), 2 * 3 * MAX_NODES);
}

/* Addresses that every machine has, loopback and interfaces that are down are not used. */
static void
test_excluded(void **state)
{
	struct task t;

	(void)state;
	for (int i = 1; i <= 2; i++)
		node(NULL, arena_printf(&arena,
			"addr\teth0\t10.0.0.%d\t24\naddr\tlo\t127.0.0.1\t8\naddr\tdocker0\t172.17.0.1\t16\n"
			"addr\teth1\t10.9.0.%d\t24\naddr\teth0\tfe80::%d\t64\naddr\teth0\tfd00::%d\t64\n"
			"addr\tmgmt\t192.168.1.1\t24\naddr\teth2\t169.254.1.%d\t16\naddr\teth3\tnonsense\t1\n"
			"nic\teth1\tdown\t-1\t1500\tphysical\n", i, i, i, i, i));
	assert_true(dial(""));
	assert_string_equal(chosen(0), "10.0.0.1");
	assert_string_equal(chosen(1), "10.0.0.2");
	list->round = list->v[0].chosen->round;
	assert_true(address_task(&arena, list, 0, &t));
	assert_int_equal(t.argc, 1);
	assert_string_equal(t.argv[0], "10.0.0.2 22");
	assert_string_equal(list->v[0].v[6].excluded, "n2 has it too");
	assert_non_null(strstr(list->v[0].v[1].excluded, "loopback"));
	/* Without IPv4, IPv6 is used. */
	reset(NULL);
	node(NULL, "addr\teth0\tfd00::1\t64\n");
	node(NULL, "addr\teth0\tfd00::2\t64\n");
	assert_true(dial(""));
	assert_string_equal(chosen(1), "fd00::2");
}

static const char *
three_networks(int i)
{
	return arena_printf(&arena,
		"addr\teno1\t203.0.113.1%d\t24\naddr\teth1\t10.1.0.%d\t24\naddr\tens1\t10.2.0.%d\t24\n"
		"nic\teno1\tup\t100000\t1500\tphysical\nnic\teth1\tup\t1000\t1500\tphysical\n"
		"nic\tens1\tup\t25000\t9000\tphysical\n", i, i, i);
}

static void
test_choice(void **state)
{
	(void)state;
	for (int i = 1; i <= 3; i++)
		node(NULL, three_networks(i));
	/* Private before public, then the fastest. */
	assert_true(dial(""));
	assert_string_equal(chosen(0), "10.2.0.1");
	assert_string_equal(chosen(2), "10.2.0.3");
	/* One pair cannot connect: that network is not for all nodes. */
	assert_true(dial("n1>10.2.0.3;"));
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(list->v[i].chosen->interface, "eth1");
	/* No network for all: each node's best. */
	assert_true(dial("n1>10.2.0.3;*>10.1.0.2;*>203.0.113.11;"));
	assert_string_equal(chosen(0), "10.2.0.1");
	assert_string_equal(chosen(1), "10.2.0.2");
	assert_string_equal(chosen(2), "10.1.0.3");
	assert_false(dial("*>10.1.0.2;*>10.2.0.2;n3>203.0.113.12;"));
	assert_string_equal(chosen(1), "none");
	assert_non_null(strstr(address_story(&arena, &list->v[1]),
			       "203.0.113.12 (eno1): n3 cannot reach it, port 22"));
}

/* dray does not wait for a node that does not answer. */
static void
test_silent_node(void **state)
{
	(void)state;
	node(NULL, three_networks(1));
	node(NULL, NULL);
	node(NULL, three_networks(3));
	assert_true(dial(""));
	assert_string_equal(chosen(2), "10.2.0.3");
	assert_string_equal(chosen(1), "none");
}

static void
test_given(void **state)
{
	(void)state;
	node("10.1.0.1", three_networks(1));
	node(NULL, three_networks(2));
	node("198.51.100.7", three_networks(3));        /* behind a translation */
	/* The other nodes take an address in the network of the one that is written. */
	assert_true(dial(""));
	assert_string_equal(chosen(0), "10.1.0.1");
	assert_string_equal(chosen(1), "10.1.0.2");
	assert_string_equal(chosen(2), "198.51.100.7");
	assert_null(list->v[2].chosen->interface);
	assert_int_equal(list->v[0].v[1].yes, 0);       /* a given address is not dialled */
}

/* A running engine keeps its address as long as that works; otherwise all are tried. */
static void
test_used(void **state)
{
	static const char record[] =
		"record\tfloat.vip[n1]\t{\"step\":\"float.vip[n1]\",\"phase\":\"done\",\"inputs\":"
		"{\"address\":\"10.2.0.1\"}}\n"
		"record\thead[n1]\t{\"step\":\"head[n1]\",\"phase\":\"done\",\"inputs\":{\"address\":"
		"\"10.1.0.1\"}}\n";
	struct task t;

	(void)state;
	node(NULL, arena_printf(&arena, "%s%s", three_networks(1), record));
	node(NULL, three_networks(2));
	list = addresses_list(&arena, nodes, model.nnode);
	assert_true(addresses_ask(list));
	assert_true(address_task(&arena, list, 1, &t));
	assert_int_equal(t.argc, 1);
	assert_string_equal(t.argv[0], "10.1.0.1 22");
	assert_true(dial(""));
	assert_string_equal(chosen(0), "10.1.0.1");
	assert_string_equal(chosen(1), "10.1.0.2");
	assert_true(dial("*>10.1.0.1;"));
	assert_string_equal(chosen(0), "10.2.0.1");
}

static void
test_unknown(void **state)
{
	static const char said[] = "reach\t10.2.0.2\tunknown\tno bash\nreach\t10.9.9.9\tyes\t\nreach\n";

	(void)state;
	node(NULL, three_networks(1));
	node(NULL, three_networks(2));
	list = addresses_list(&arena, nodes, 2);
	addresses_take(&arena, list, 0, said, sizeof said - 1);
	/* No node could try: an untried address is better than none. */
	addresses_choose(list);
	assert_int_equal(addresses_proof(list), 0);
	assert_string_equal(chosen(1), "10.2.0.2");
}

/* ---- RDMA ---- */

static const char ib[] =
	"addr\teth0\t10.0.0.1\t24\n"
	"rdma\tmlx5_0\t1\t4: ACTIVE\t400 Gb/sec (4X NDR)\tInfiniBand\tib0\tyes\n"
	"rdma\tmlx5_1\t1\t4: ACTIVE\t400 Gb/sec (4X NDR)\tInfiniBand\tib1\tyes\n"
	"rdma\tmlx5_2\t1\t4: ACTIVE\t100 Gb/sec (4X EDR)\tInfiniBand\tib2\tyes\n"
	"rdma\tmlx5_3\t1\t2: INIT\t400 Gb/sec (4X NDR)\tInfiniBand\tib3\tyes\n"
	"rdma\tmlx5_4\t1\t4: ACTIVE\t800 Gb/sec\tEthernet\teth0\tyes\n";

static void
test_infiniband(void **state)
{
	(void)state;
	node("10.0.0.1", ib);
	rdma_choose(&arena, &model);
	assert_null(model.rdma);                        /* one node has no peer */
	node("10.0.0.2", ib);
	rdma_choose(&arena, &model);
	assert_string_equal(model.rdma->hca, "mlx5_0:1,mlx5_1:1");
	assert_string_equal(model.rdma->layer, "InfiniBand");
	assert_true(model.rdma->ports == 2 && model.rdma->rate == 400);
	assert_true(rdma_uses(&model, &nodes[1], &nodes[1].facts->rdma.v[1]));
	assert_false(rdma_uses(&model, &nodes[1], &nodes[1].facts->rdma.v[4]));
	/* If names differ on another node, all nodes get the same combined list. */
	node("10.0.0.3", "rdma\tibp1\t2\t4: ACTIVE\t200 Gb/sec\tInfiniBand\t-\tyes\n");
	rdma_choose(&arena, &model);
	assert_string_equal(model.rdma->hca, "mlx5_0:1,mlx5_1:1,ibp1:2");
	assert_true(model.rdma->ports == 1 && model.rdma->rate == 200);
	assert_null(rdma_missing(&arena, &model, &nodes[0]));
	node("10.0.0.4", "rdma\tmlx5_0\t1\t1: DOWN\t10 Gb/sec\tInfiniBand\t-\tyes\n");
	rdma_choose(&arena, &model);
	assert_null(model.rdma);
	assert_non_null(strstr(rdma_missing(&arena, &model, &nodes[3]), "none of its 1"));
	assert_null(rdma_missing(&arena, &model, &nodes[0]));
}

static void
test_no_verbs(void **state)
{
	(void)state;
	node("10.0.0.1", ib);
	node("10.0.0.2", "rdma\tmlx5_0\t1\t4: ACTIVE\t400 Gb/sec\tInfiniBand\tib0\tno\n");
	rdma_choose(&arena, &model);
	assert_null(model.rdma);
	assert_non_null(strstr(rdma_missing(&arena, &model, &nodes[1]), "/dev/infiniband"));
}

static void
test_roce(void **state)
{
	const char *port = "rdma\tmlx5_bond_0\t1\t4: ACTIVE\t200 Gb/sec\tEthernet\tbond0\tyes\n";

	(void)state;
	for (int i = 1; i <= 2; i++)
		node(arena_printf(&arena, "10.0.0.%d", i), arena_printf(&arena,
			"addr\tbond0.7\t10.0.0.%d\t24\naddr\trail1\t10.8.0.%d\t24\naddr\tsan\t10.7.%d.1\t24\n%s"
			"rdma\tmlx5_1\t1\t4: ACTIVE\t400 Gb/sec\tEthernet\trail1\tyes\n"
			"rdma\tmlx5_2\t1\t4: ACTIVE\t400 Gb/sec\tEthernet\tsan\tyes\n", i, i, i, port));
	rdma_choose(&arena, &model);
	/* The chosen path through the card of its VLAN; a network that both nodes have. */
	assert_string_equal(model.rdma->layer, "RoCE");
	assert_string_equal(model.rdma->hca, "mlx5_bond_0:1,mlx5_1:1");
	assert_true(model.rdma->rate == 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_needed, reset),
		cmocka_unit_test_teardown(test_same, reset),
		cmocka_unit_test(test_peers),
		cmocka_unit_test_teardown(test_sample, reset),
		cmocka_unit_test_teardown(test_excluded, reset),
		cmocka_unit_test_teardown(test_choice, reset),
		cmocka_unit_test_teardown(test_silent_node, reset),
		cmocka_unit_test_teardown(test_given, reset),
		cmocka_unit_test_teardown(test_used, reset),
		cmocka_unit_test_teardown(test_unknown, reset),
		cmocka_unit_test_teardown(test_infiniband, reset),
		cmocka_unit_test_teardown(test_no_verbs, reset),
		cmocka_unit_test_teardown(test_roce, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
