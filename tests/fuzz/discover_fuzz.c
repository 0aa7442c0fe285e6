/*
 * libFuzzer: the output of discover.sh -> facts -> warnings, text, JSON, and what the plan
 * uses of it. The first byte splits the rest in two: what a node shows, and its results of
 * dialling the other. The same bytes give the same pages, and nothing moves the cursor.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/discover/discover.h"
#include "planner/cluster/rdma.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char other[] =
	"id\tm2\tb2\th\tu\t1\t1\t/h\t1\naddr\teth0\t10.0.0.2\t24\naddr\tib0\t10.1.0.2\t16\n"
	"nic\teth0\tup\t1000\t1500\tphysical\n"
	"rdma\tmlx5_0\t1\t4: ACTIVE\t400 Gb/sec\tInfiniBand\tib0\tyes\n"
	"rdma\tmlx5_1\t1\t4: ACTIVE\t100 Gb/sec\tEthernet\teth0\tyes\n"
	"raw\tnvidia-gpu\tindex, uuid, name\\n0, GPU-a, H200\\nend\n";
static const char said[] = "reach\t10.0.0.1\tyes\tport 22\nend\n";

static char *
pages(const uint8_t *data, size_t n)
{
	struct arena a = {0};
	size_t cut = n ? data[0] * (n - 1) / 255 : 0;
	const char *bytes = (const char *)data + (n ? 1 : 0);
	struct node nodes[2] = {{.name = "a", .host = "a", .executor = "ssh"},
				{.name = "b", .host = "b", .executor = "ssh", .rank = 1}};
	struct spec spec = {0};
	struct cluster c = {.spec = &spec, .node = nodes, .nnode = 2, .nspec = 2, .nlayout = 2};
	struct discovered found[2] = {{.node = &nodes[0]}, {.node = &nodes[1]}};
	struct discovery all = {.cluster = &c, .v = found, .n = 2};
	struct diags problems = {.arena = &a};
	struct addresses *list;
	json_t *document;
	size_t size;
	char *out = NULL;
	FILE *to = open_memstream(&out, &size);

	found[0].facts = nodes[0].facts = facts_read(&a, bytes, cut);
	found[1].facts = nodes[1].facts = facts_read(&a, other, sizeof other - 1);
	found[0].text = arena_strndup(&a, bytes, cut);
	list = addresses_list(&a, nodes, 2);
	addresses_take(&a, list, 0, bytes + cut, n ? n - 1 - cut : 0);
	addresses_take(&a, list, 1, said, sizeof said - 1);
	addresses_choose(list);
	for (size_t i = 0; i < 2; i++)
		if (list->v[i].chosen && list->v[i].chosen->excluded)
			abort();
	all.addresses = list;
	for (size_t i = 0; i < 2; i++) {
		nodes[i].address = list->v[i].chosen ? list->v[i].chosen->address : NULL;
		fputs(address_story(&a, &list->v[i]), to);
	}
	rdma_choose(&a, &c);
	discovery_warn(&a, &all, &problems);
	fflush(to);
	size_t text_from = size;
	discovery_text(&all, &problems, to, false);
	fflush(to);
	if (memchr(out + text_from, '\033', size - text_from) ||
	    memchr(out + text_from, '\r', size - text_from))
		abort();
	fputs(discovery_json(&a, &all, &problems), to);
	fflush(to);
	document = json_loads(discovery_json(&a, &all, &problems), 0, NULL);
	if (!document)
		abort();
	json_decref(document);
	fclose(to);
	arena_release(&a);
	return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *first, *again;

	if (n > 32 * 1024)
		return 0;
	first = pages(data, n);
	again = pages(data, n);
	if (strcmp(first, again) != 0)
		abort();
	free(first);
	free(again);
	return 0;
}
