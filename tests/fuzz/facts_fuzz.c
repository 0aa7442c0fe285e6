/*
 * libFuzzer: the output of a node -> facts -> graph -> plan, as text, JSON and a saved plan.
 * The bytes are the answer of one node of two; the other is healthy. The same bytes must
 * give the same plan, and a record must read back as it was written.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/cluster/members.h"
#include "planner/custom/compile.h"
#include "planner/plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char spec_text[] =
	"cluster: x\nnodes:\n- {name: a, host: 192.0.2.1, gpus: 1}\n"
	"- {name: b, host: 192.0.2.2, gpus: 1}\nshared_dir: /srv\nmodel: {repo: o/m}\n"
	"parallelism: {tensor: 1, pipeline: 2}\n"
	"engine: {image: i:1, launcher: script, script: {url: 'https://example.org/s',"
	" sha256: 0123456789012345678901234567890123456789012345678901234567890123}}\n"
	"steps:\n- {command: s, nodes: all, run: x, undo: y, before: image}\n"
	"- {command: t, node: b, check: c, run: x, follows: serve}\n";
static const char good[] =
	"id\tm2\tb2\th\tu\t1\t1\t/h\t1\nos\tk\tx\td\ndocker\tok\t24\t\ntoolkit\tyes\n"
	"gpu\t0\tG\tH100\t81559\t0\t550\naddr\teth0\t192.0.2.2\t24\n"
	"shared\t/srv\tnfs4\t1:2\t999999\tyes\nend\n";

static void
check_records(struct arena *a, const struct facts *f)
{
	for (size_t i = 0; i < f->record.n; i++) {
		const char *json = record_write(a, &f->record.v[i]);
		const struct record *back = record_read(a, json, strlen(json));

		if (!back || strcmp(record_write(a, back), json) != 0)
			abort();
	}
}

static char *
plan_bytes(struct arena *a, const uint8_t *data, size_t n)
{
	struct source src = {.name = "f.yaml", .text = spec_text, .len = sizeof spec_text - 1};
	struct diags d = {.arena = a};
	struct spec *spec = spec_read(a, &src, NULL, &d);
	struct cluster *c = spec ? cluster_compile(a, spec, &d) : NULL;
	struct diags problems = {.arena = a};
	struct plan_options options = {.destroy = n % 5 == 0};
	struct saved_plan *saved;
	struct err e = {0};
	const char *text;
	char *out = NULL;
	size_t size;
	FILE *to;
	struct plan *plan;

	if (!c)
		abort();
	c->commit = "0123456789012345678901234567890123456789";
	c->node[0].facts = facts_read(a, (const char *)data, n);
	c->node[1].facts = facts_read(a, good, sizeof good - 1);
	check_records(a, c->node[0].facts);
	if (c->node[0].facts->members)
		members_merge(a, c, "a", c->node[0].facts->members,
			      strlen(c->node[0].facts->members));
	/* Whatever it names, this machine is not opened, and the way is the spec's. */
	for (size_t i = c->nspec; i < c->nnode; i++)
		if ((strcmp(c->node[i].executor, "ssh") != 0 && *c->node[i].executor) ||
		    c->node[i].member->ssh.user.text || c->node[i].member->labels.n ||
		    c->nnode - c->nspec > MEMBERS_OF_ONE)
			abort();
	plan = plan_make(a, graph_build(a, c, &problems), &options, &d);
	to = open_memstream(&out, &size);
	plan_text(plan, to, false, n % 2);
	plan_json(plan, to);
	plan_dot(plan, to);
	fclose(to);
	/* Only plain text reaches the terminal. */
	for (const char *p = out; *p; p++)
		if (*p == '\x1b' || *p == '\r')
			abort();
	if (!c->node[0].facts->complete && strstr(out, "\nNo changes."))
		abort();
	text = plan_save(a, plan, spec_text);
	saved = plan_load(a, text, strlen(text), &e);
	if (!saved || plan_stale(a, saved, plan))
		abort();
	return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0}, b = {0};
	char *one, *two;

	if (n > 16 * 1024)
		return 0;
	one = plan_bytes(&a, data, n);
	two = plan_bytes(&b, data, n);
	if (strcmp(one, two) != 0)
		abort();
	free(one);
	free(two);
	arena_release(&a);
	arena_release(&b);
	return 0;
}
