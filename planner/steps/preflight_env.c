/* What the user wrote in env about networks is held against the look: the names of interfaces
 * and of RDMA devices, and addresses. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/cluster/address.h"
#include "planner/cluster/rdma.h"
#include "planner/cluster/route.h"
#include "planner/steps/preflight.h"

/*
 * How a library reads its list of names, separated by commas:
 *	NCCL: a name matches all that begin with it. In front of the whole list, '^' leaves them
 *	out instead, and '=' (or '^=') takes names as they are. ":PORT" is a port of a device.
 *	EXACT: every name must be there. ONE: a single name.
 *	UCX: names as they are, '*' stands for anything, '^' leaves out, "all".
 */
enum grammar { GRAMMAR_NCCL, GRAMMAR_EXACT, GRAMMAR_ONE, GRAMMAR_UCX };

static const struct {
	const char *name, *library;
	enum grammar grammar;
	bool interfaces, devices;       /* what it may name */
} preflight_env_variables[] = {
	{"NCCL_SOCKET_IFNAME", "NCCL", GRAMMAR_NCCL, .interfaces = true},
	{"NCCL_OOB_NET_IFNAME", "NCCL", GRAMMAR_NCCL, .interfaces = true},
	{"NVSHMEM_BOOTSTRAP_UID_SOCK_IFNAME", "NVSHMEM", GRAMMAR_NCCL, .interfaces = true},
	{"GLOO_SOCKET_IFNAME", "Gloo", GRAMMAR_EXACT, .interfaces = true},
	{"TP_SOCKET_IFNAME", "TensorPipe", GRAMMAR_ONE, .interfaces = true},
	{"NCCL_IB_HCA", "NCCL", GRAMMAR_NCCL, .devices = true},
	{"NVSHMEM_HCA_LIST", "NVSHMEM", GRAMMAR_NCCL, .devices = true},
	{"UCX_NET_DEVICES", "UCX", GRAMMAR_UCX, .interfaces = true, .devices = true},
};

enum { NAMES_SHOWN = 12 };

/* What a node has that a variable may name. */
struct things {
	const char **name;              /* "ens32", "mlx5_0" */
	const char **port;              /* of a device, or NULL */
	bool *works;                    /* an interface has an address, a port is active */
	size_t n;
};

static void
preflight_env_add(struct things *t, const char *name, const char *port, bool works)
{
	for (size_t i = 0; i < t->n; i++)
		if (!port == !t->port[i] && strcmp(t->name[i], name) == 0 &&
		    (!port || strcmp(t->port[i], port) == 0)) {
			t->works[i] |= works;
			return;
		}
	t->name[t->n] = name;
	t->port[t->n] = port;
	t->works[t->n++] = works;
}

static struct things
preflight_env_things(struct arena *a, const struct facts *f, bool interfaces, bool devices)
{
	size_t most = f->addr.n + f->nic.n + f->rdma.n;
	struct things t = {.name = ar_array(a, const char *, most + 1),
		.port = ar_array(a, const char *, most + 1), .works = ar_array(a, bool, most + 1)};

	if (interfaces && f->addr.n)
		preflight_env_add(&t, "lo", NULL, true);
	for (size_t i = 0; interfaces && i < f->addr.n; i++)
		preflight_env_add(&t, f->addr.v[i].interface, NULL, true);
	for (size_t i = 0; interfaces && i < f->nic.n; i++)
		preflight_env_add(&t, f->nic.v[i].name, NULL, false);
	for (size_t i = 0; devices && i < f->rdma.n; i++)
		preflight_env_add(&t, f->rdma.v[i].device, f->rdma.v[i].port, f->rdma.v[i].active);
	return t;
}

/* "it has ens32, rdma0 and rdma1 (did you mean 'ens32'?)" */
static const char *
preflight_env_has(struct arena *a, const struct things *t, const char *what, const char *wrote)
{
	const char **shown = ar_array(a, const char *, t->n + 1), *near;
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->name[i], "lo") != 0 && (!i || strcmp(t->name[i], t->name[i - 1]) != 0))
			shown[n++] = t->name[i];
	if (!n)
		return arena_printf(a, "it has no %s", what);
	near = diag_hint(a, wrote, shown, n);
	return arena_printf(a, "it has %s%s", str_names(a, shown, n, NAMES_SHOWN), near);
}

static bool
preflight_env_glob(const char *pattern, const char *text)
{
	for (; *pattern && *pattern != '*'; pattern++, text++)
		if (*pattern != *text && !(*pattern == '?' && *text))
			return false;
	if (!*pattern)
		return !*text;
	do {
		if (preflight_env_glob(pattern + 1, text))
			return true;
	} while (*text++);
	return false;
}

/* Does one name of a list mean that thing? */
static bool
preflight_env_means(struct arena *a, const char *word, enum grammar grammar, bool exact,
		    const struct things *t, size_t i)
{
	const char *colon = strchr(word, ':');
	size_t n = colon ? (size_t)(colon - word) : strlen(word);

	if (grammar == GRAMMAR_UCX)
		return preflight_env_glob(word, t->name[i]) ||
		       (t->port[i] && preflight_env_glob(word, arena_printf(a, "%s:%s", t->name[i],
									    t->port[i])));
	if (grammar != GRAMMAR_NCCL)
		return strcmp(word, t->name[i]) == 0;
	if (colon && t->port[i] && strcmp(colon + 1, t->port[i]) != 0)
		return false;
	return n && strncmp(word, t->name[i], n) == 0 && (!exact || !t->name[i][n]);
}

/* A list as its library reads it. */
struct names {
	const char *text;               /* as the user wrote it */
	const char **word;
	size_t n;
	bool without, exact;
};

static struct names
preflight_env_split(struct arena *a, const char *text, enum grammar grammar)
{
	struct names l = {.text = text};
	char *s = arena_strdup(a, text), *comma;

	if ((grammar == GRAMMAR_NCCL || grammar == GRAMMAR_UCX) && *s == '^') {
		l.without = true;
		s++;
	}
	if (grammar == GRAMMAR_NCCL && *s == '=') {
		l.exact = true;
		s++;
	}
	l.word = ar_array(a, const char *, strlen(s) + 1);
	for (; s; s = comma ? comma + 1 : NULL) {
		comma = strchr(s, ',');
		if (comma)
			*comma = '\0';
		if (*s)
			l.word[l.n++] = s;
	}
	return l;
}

/* The things that a list takes: their number, how many of them work, and if one is no "lo". */
struct taken {
	size_t n, works;
	bool lo, others;
};

static struct taken
preflight_env_take(struct arena *a, const struct names *l, enum grammar grammar,
		   const struct things *t)
{
	struct taken found = {0};

	for (size_t i = 0; i < t->n; i++) {
		bool hit = false;

		for (size_t k = 0; k < l->n && !hit; k++)
			hit = preflight_env_means(a, l->word[k], grammar, l->exact, t, i);
		if (hit == l->without)
			continue;
		found.n++;
		found.works += t->works[i];
		if (strcmp(t->name[i], "lo") == 0)
			found.lo = true;
		else
			found.others = true;
	}
	return found;
}

struct asked_for {
	struct arena *a;
	const struct cluster *cluster;
	const struct node *node;
	const char *variable, *library, *what;
	enum grammar grammar;
	struct things things;
	struct names names;
	struct diags *out;
};

/* Libraries that want every name: the first that is not there. */
static void
preflight_env_each(const struct asked_for *q, const char *instead)
{
	static const char *const marks[] = {"^", "="};

	for (size_t i = 0; i < countof(marks); i++)
		if (strncmp(q->names.text, marks[i], 1) == 0) {
			diag_node(q->out, DIAG_ERROR, q->node, instead,
				  "%s '%s': '%s' is NCCL's way to write it, %s takes exact names only",
				  q->variable, q->names.text, marks[i], q->library);
			return;
		}
	if (q->grammar == GRAMMAR_ONE && q->names.n > 1) {
		diag_node(q->out, DIAG_ERROR, q->node, instead, "%s '%s': %s takes one name, not a list",
			  q->variable, q->names.text, q->library);
		return;
	}
	for (size_t k = 0; k < q->names.n; k++) {
		struct names one = {q->names.text, &q->names.word[k], 1, false, true};
		struct taken found = preflight_env_take(q->a, &one, q->grammar, &q->things);

		if (!found.n)
			diag_node(q->out, DIAG_ERROR, q->node, instead,
				  "%s: it has no interface '%s'; %s", q->variable, one.word[0],
				  preflight_env_has(q->a, &q->things, q->what, one.word[0]));
		else if (!found.works)
			diag_node(q->out, DIAG_ERROR, q->node, instead,
				  "%s: interface '%s' has no address", q->variable, one.word[0]);
		else if (found.lo && q->cluster->nlayout > 1)
			diag_node(q->out, DIAG_ERROR, q->node, instead,
				  "%s: 'lo' means every node itself", q->variable);
		if (!found.n || !found.works || found.lo)
			return;
	}
}

/* Libraries that take whatever matches. False: nothing does. */
static bool
preflight_env_any(const struct asked_for *q, const char *instead)
{
	struct taken found = preflight_env_take(q->a, &q->names, q->grammar, &q->things);
	const char *first = q->names.n ? q->names.word[0] : "";
	bool ports = strcmp(q->what, "interface") != 0;

	if (!found.n)
		diag_node(q->out, DIAG_ERROR, q->node, instead,
			  q->names.without ? "%s '%s' leaves out every %s; %s"
					   : "%s '%s' does not match any %s; %s", q->variable,
			  q->names.text, q->what,
			  preflight_env_has(q->a, &q->things, q->what, first));
	else if (!found.works)
		diag_node(q->out, DIAG_ERROR, q->node, instead,
			  ports ? "%s '%s' matches only ports that are not active"
				: "%s '%s' matches only interfaces without an address", q->variable,
			  q->names.text);
	else if (found.lo && q->cluster->nlayout > 1)
		diag_node(q->out, found.others ? DIAG_WARNING : DIAG_ERROR, q->node,
			  q->names.without ? arena_printf(q->a, "write '%s,lo'", q->names.text) : instead,
			  q->names.without ? "%s '%s' does not leave out 'lo', which comes first"
					   : "%s '%s' takes 'lo', which means every node itself",
			  q->variable, q->names.text);
	return found.n > 0;
}

/* A name of such a list that no node has is a slip. (Each node may have other names.) */
static void
preflight_env_nowhere(const struct asked_for *q, bool interfaces, bool devices)
{
	const struct cluster *c = q->cluster;

	for (size_t k = 0; k < q->names.n; k++) {
		struct names one = {q->names.text, &q->names.word[k], 1, false, q->names.exact};
		size_t i = 0;

		for (; i < c->nlayout; i++) {
			struct things t;

			if (!node_observed(&c->node[i]))
				return;
			t = preflight_env_things(q->a, c->node[i].facts, interfaces, devices);
			if (preflight_env_take(q->a, &one, q->grammar, &t).n)
				break;
		}
		if (i == c->nlayout)
			diag_node(q->out, DIAG_WARNING, q->node, "correct it",
				  "%s: no node has '%s'", q->variable, one.word[0]);
	}
}

/* Is the variable without effect, because the user turned off what it is for? */
static bool
preflight_env_off(const struct cluster *c, const struct node *n, bool devices)
{
	const char *off = env_value(c, n, "NCCL_IB_DISABLE"), *net = env_value(c, n, "NCCL_NET");

	return devices && ((off && *off && strcmp(off, "0") != 0) || (net && strcmp(net, "Socket") == 0));
}

static void
preflight_env_names(struct arena *a, const struct cluster *c, const struct node *n, size_t which,
		    struct diags *out)
{
	const char *variable = preflight_env_variables[which].name, *instead;
	const char *value = env_value(c, n, variable), *own = route_interfaces(a, c, n);
	enum grammar grammar = preflight_env_variables[which].grammar;
	bool devices = preflight_env_variables[which].devices, interfaces = preflight_env_variables[which].interfaces;
	struct asked_for q = {a, c, n, variable, preflight_env_variables[which].library,
		devices && interfaces ? "interface or RDMA port" : devices ? "RDMA port" : "interface",
		grammar, preflight_env_things(a, n->facts, interfaces, devices), {0}, out};

	/* NCCL ignores a value of one character; an old look has no interfaces. */
	if (!value || !value[0] || (grammar == GRAMMAR_NCCL && !value[1]) ||
	    (interfaces && !q.things.n) || (devices && !interfaces && preflight_env_off(c, n, true)))
		return;
	q.names = preflight_env_split(a, value, grammar);
	if (grammar == GRAMMAR_UCX && strcmp(value, "all") == 0)
		return;
	if (devices)
		instead = "correct it, or remove it: dray names the ports that all nodes share";
	else if (own)
		instead = arena_printf(a, "its address %s is on %s: write that, or remove the variable, and "
				       "dray sets it for each node", node_dial(n), own);
	else
		instead = "correct it";
	if (grammar == GRAMMAR_EXACT || grammar == GRAMMAR_ONE)
		preflight_env_each(&q, instead);
	else if (preflight_env_any(&q, instead) && !q.names.without &&
		 (n == &c->node[0] || value != env_value(c, &c->node[0], variable)))
		preflight_env_nowhere(&q, interfaces, devices);
}

/* ---- addresses ---- */

static bool
preflight_env_is_ours(const struct cluster *c, const char *address)
{
	for (size_t i = 0; i < c->nlayout; i++) {
		const struct node *n = &c->node[i];

		if (!node_observed(n) || (node_dial(n) && strcmp(node_dial(n), address) == 0))
			return true;
		for (size_t k = 0; k < n->facts->addr.n; k++)
			if (strcmp(n->facts->addr.v[k].address, address) == 0)
				return true;
	}
	return false;
}

/* Where the processes of an engine meet must be an address of the head, or at least of a node. */
static void
preflight_env_meeting(struct arena *a, const struct cluster *c, const struct node *n,
		      const char *variable, struct diags *out)
{
	const char *value = env_value(c, n, variable), *head = node_dial(&c->node[0]);
	const char *hint = arena_printf(a, "remove it: dray tells the engine the head's address%s%s",
					head ? ", " : "", head ? head : "");
	char *host;

	if (!value || !*value)
		return;
	host = arena_strdup(a, value + (*value == '['));
	if (*value == '[')
		host[strcspn(host, "]")] = '\0';
	else if (strchr(host, ':') == strrchr(host, ':'))
		host[strcspn(host, ":")] = '\0';
	if (!str_ip(host, NULL) && strcmp(host, "localhost") != 0)
		return;
	if (c->nlayout > 1 && (address_is_loopback(host) || strcmp(host, "localhost") == 0))
		diag_node(out, DIAG_ERROR, n, hint, "%s '%s' means every node itself", variable, value);
	else if (!address_is_loopback(host) && str_ip(host, NULL) && !preflight_env_is_ours(c, host))
		diag_node(out, DIAG_ERROR, n, hint, "%s '%s' is not an address of any node", variable, value);
}

/* ---- the index of a GID ---- */

/* Is that a GID of RoCE v2 with an IPv4 address in it, as routers and other hosts need it? */
static bool
preflight_env_is_v2(const struct fact_gid *g)
{
	return strstr(g->type, "v2") && strncasecmp(g->gid, "0000:0000:0000:0000:0000:ffff:", 30) == 0;
}

/* An index that is right on one host is another one on the next: it counts what each has configured. */
static void
preflight_env_gid(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const char *value = env_value(c, n, "NCCL_IB_GID_INDEX");

	if (!value || !*value || *value == '-' || !c->rdma || strcmp(c->rdma->layer, "RoCE") != 0)
		return;
	for (size_t i = 0; i < n->facts->rdma.n; i++) {
		const struct fact_rdma *p = &n->facts->rdma.v[i];
		const char *where = NULL;
		bool there = false, any = false;

		for (size_t k = 0; rdma_uses(c, n, p) && k < n->facts->hca_gid.n; k++) {
			const struct fact_gid *g = &n->facts->hca_gid.v[k];

			if (strcmp(g->device, p->device) != 0 || strcmp(g->port, p->port) != 0)
				continue;
			any = true;
			there |= strcmp(g->index, value) == 0 && preflight_env_is_v2(g);
			if (preflight_env_is_v2(g) && !where)
				where = g->index;
		}
		if (!any || there)
			continue;
		diag_node(out, DIAG_ERROR, n,
			  "remove it: NCCL since 2.21 finds the index of each port by itself",
			  "NCCL_IB_GID_INDEX '%s': port %s has no address of RoCE v2 there%s", value, p->device,
			  where ? arena_printf(a, ", but at %s", where) : "");
		return;
	}
}

void
preflight_env(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	static const char *const meetings[] = {"MASTER_ADDR", "VLLM_DP_MASTER_IP", "RAY_ADDRESS"};

	for (size_t i = 0; i < countof(preflight_env_variables); i++)
		preflight_env_names(a, c, n, i, out);
	for (size_t i = 0; i < countof(meetings); i++)
		preflight_env_meeting(a, c, n, meetings[i], out);
	preflight_env_gid(a, c, n, out);
}
