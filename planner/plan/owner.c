#include "planner/plan/owner.h"

#include <stdlib.h>
#include <string.h>

/*
 * Two logins may use the same cluster name on one machine. What dray starts carries its
 * owner, and the node says whose it is (whose.sh). Here that becomes a conflict that names
 * the other owner; nothing of that owner is adopted or removed.
 */
bool
container_is_ours(const struct cluster *cluster, const struct fact_container *c)
{
	return c->cluster && strcmp(c->cluster, cluster->name) == 0 && !c->foreign;
}

static bool
owner_is_other_owners(const struct cluster *cluster, const struct fact_container *c)
{
	return c->cluster && strcmp(c->cluster, cluster->name) == 0 && c->foreign;
}

/* "login 'eve' (uid 1001, state folder /home/eve/.local/state/dray)", or NULL: not known. */
static const char *
owner_text(struct arena *a, const char *owner, const char *login)
{
	const char *at = strchr(owner, '@');
	int uid = (int)strspn(owner, "0123456789");

	if (!at || !uid || owner + uid != at)
		return NULL;
	return arena_printf(a, "login '%s' (uid %.*s%s%s)", *login ? login : "?", uid, owner,
			    at[1] ? ", state folder " : "", at + 1);
}

static bool
owner_is_this_login(const struct facts *f, const char *owner)
{
	size_t uid = strspn(owner, "0123456789");

	return f->owner && uid && strncmp(f->owner, owner, uid + 1) == 0;
}

/* What to do, depending on who the owner is. */
static const char *
owner_way_out(struct arena *a, const struct node *n, const char *owner, const char *login)
{
	if (owner_is_this_login(n->facts, owner))
		return arena_printf(a, "the same login made it with another XDG_STATE_HOME or HOME: use "
				    "that one on %s, or choose another cluster name", n->name);
	return arena_printf(a, "choose another cluster name; or, if you mean that cluster, log in as "
			    "'%s' on %s", *login ? login : "?", n->name);
}

static const char *
owner_container_words(struct arena *a, const struct fact_container *c)
{
	const char *who = owner_text(a, c->owner, c->login);

	return who ? arena_printf(a, "container '%s' (id %.12s, %s) belongs to %s", c->name, c->id,
				  c->state, who)
		   : arena_printf(a, "container '%s' (id %.12s, %s) was made by an earlier version of "
				  "dray, and no record of this login names it", c->name, c->id, c->state);
}

static const char *
owner_container_way_out(struct arena *a, const struct node *n, const struct fact_container *c)
{
	if (owner_text(a, c->owner, c->login))
		return owner_way_out(a, n, c->owner, c->login);
	return arena_printf(a, "if another login made it, choose another cluster name, or use that login; "
			    "if nobody needs it, on %s: docker rm -f %.12s", n->name, c->id);
}

static bool
owner_is_told(const struct diags *problems, const struct node *n, const char *text)
{
	for (size_t i = 0; i < problems->n; i++)
		if (problems->v[i].node == n && strcmp(problems->v[i].text, text) == 0)
			return true;
	return false;
}

static void
owner_observe_foreign(struct step *s, struct diags *problems, const char *why,
		      const char *hint)
{
	s->observed = (struct observed){.state = STATE_CONFLICT, .why = why, .foreign = true};
	if (!owner_is_told(problems, s->node, why))
		diag_node(problems, DIAG_ERROR, s->node, hint, "%s", why);
}

void
observe_other_owner(struct arena *a, struct step *s, struct diags *problems,
		const struct fact_container *c)
{
	owner_observe_foreign(s, problems, owner_container_words(a, c),
			      owner_container_way_out(a, s->node, c));
}

static const char *
owner_stranger_words(struct arena *a, const struct fact_stranger *p)
{
	const char *who = owner_text(a, p->owner, p->login);

	return arena_printf(a, "process %s (%s) belongs to %s", p->pid, p->step,
			    who ? who : "an unknown owner");
}

void
observe_other_cluster(struct arena *a, struct step *s, struct diags *problems)
{
	const struct facts *f = s->node->facts;

	for (size_t i = 0; i < f->container.n; i++)
		if (owner_is_other_owners(s->cluster, &f->container.v[i])) {
			observe_other_owner(a, s, problems, &f->container.v[i]);
			return;
		}
	if (f->stranger.n)
		owner_observe_foreign(s, problems, owner_stranger_words(a, &f->stranger.v[0]),
			owner_way_out(a, s->node, f->stranger.v[0].owner, f->stranger.v[0].login));
}

bool
observe_other_record(struct arena *a, struct step *s, const struct record *r, struct diags *problems)
{
	const struct facts *f = s->node->facts;
	const char *who = r->owner ? owner_text(a, r->owner, "") : NULL;

	if (!who || !f->owner || owner_is_this_login(f, r->owner))
		return false;
	owner_observe_foreign(s, problems,
		arena_printf(a,
			     "the records of '%s' in the state folder of login '%s' were written "
			     "by uid %.*s",
			     s->cluster->name, f->user, (int)strcspn(r->owner, "@"), r->owner),
		arena_printf(a,
			     "two logins of %s share one HOME or XDG_STATE_HOME: each needs its "
			     "own",
			     s->node->name));
	return true;
}

/* A conflict of a step on the node tells of the owner already. */
static bool
owner_has_conflict(const struct graph *g, const struct node *n)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i]->node == n && g->v[i]->observed.foreign)
			return true;
	return false;
}

/* Is there anything on the node to tell? Most nodes have nothing, and need no search. */
static bool
owner_has_others(const struct cluster *c, const struct facts *f)
{
	for (size_t k = 0; k < f->container.n; k++)
		if (owner_is_other_owners(c, &f->container.v[k]))
			return true;
	return f->stranger.n > 0;
}

static void
owner_tell(struct arena *a, struct diags *problems, const struct node *n, const char *text)
{
	text = arena_printf(a, "%s: it is left alone", text);
	if (!owner_is_told(problems, n, text))
		diag_node(problems, DIAG_WARNING, n, NULL, "%s", text);
}

void
tell_other_owners(struct arena *a, const struct cluster *c, const struct graph *g,
		  struct diags *problems)
{
	for (size_t i = 0; i < c->nnode; i++) {
		const struct facts *f = c->node[i].facts;

		if (!node_observed(&c->node[i]) || !owner_has_others(c, f) ||
		    owner_has_conflict(g, &c->node[i]))
			continue;
		for (size_t k = 0; k < f->container.n; k++)
			if (owner_is_other_owners(c, &f->container.v[k]))
				owner_tell(a, problems, &c->node[i],
					   owner_container_words(a, &f->container.v[k]));
		if (f->stranger.n)
			owner_tell(a, problems, &c->node[i],
				   owner_stranger_words(a, &f->stranger.v[0]));
	}
}
