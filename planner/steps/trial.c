#include "planner/steps/trial.h"

#include <string.h>

#include "planner/base/limits.h"
#include "planner/plan/graph.h"
#include "planner/runtimes/carried.h"
#include "planner/runtimes/container.h"
#include "planner/steps/engine_inputs.h"
#include "planner/steps/files.h"
#include "planner/steps/inputs.h"

enum { TRIAL_LINES = 32, TRIAL_TEXT = 400 };

/* Looks for files, then becomes the command. */
static const char trial_look[] =
	"[ -z \"$DRAY_VENV\" ] || export PATH=\"$DRAY_VENV/bin:$PATH\" VIRTUAL_ENV=\"$DRAY_VENV\"\n"
	"printf '%s\\n' \"$DRAY_FILES\" | while IFS= read -r f; do\n"
	"	[ -z \"$f\" ] || [ -e \"$f\" ] || printf 'dray: missing %s\\n' \"$f\"\n"
	"done\n"
	"exec \"$@\"";

static bool
trial_names_file(const struct engine *e, const char *arg)
{
	for (const char *const *name = e->file_args; name && *name; name++)
		if (strcmp(arg, *name) == 0)
			return true;
	return false;
}

/* The absolute paths in the values of such arguments, a line each: /DIR, NAME=/DIR. What lies in
 * the cache of models is not mounted here. `carried`: the operator's files are there. */
static const char *
trial_files(struct arena *a, const struct engine *e, struct attrs *inputs, bool carried)
{
	struct str s = {0};
	const char *copy;

	for (size_t i = 0; i < inputs->n; i++) {
		const struct attr *attr = &inputs->v[i];

		if (strncmp(attr->name, "args.", 5) != 0 || !attr->value ||
		    !trial_names_file(e, attr->name + 5))
			continue;
		for (const char *next, *at = carried ? carried_text(a, inputs, attr->value) : attr->value;
		     *at; at = next) {
			size_t n = strcspn(at, "\n"), skip = *at == '/' ? 0 : strcspn(at, "=\n") + 1;

			next = at + n + (at[n] == '\n');
			if (skip < n && at[skip] == '/' &&
			    (carried || strncmp(at + skip, CARRIED_INSIDE, strlen(CARRIED_INSIDE)) != 0) &&
			    strncmp(at + skip, HF_HOME_INSIDE, strlen(HF_HOME_INSIDE)) != 0)
				str_printf(&s, "%s%.*s", s.len ? "\n" : "", (int)(n - skip), at + skip);
		}
	}
	copy = s.len ? arena_strdup(a, s.buf) : NULL;
	str_release(&s);
	return copy;
}

bool
trial_task(struct arena *a, const struct step *server, const struct trial_how *how, struct task *t)
{
	const struct cluster *c = server->cluster;
	const struct step *head = step_upstream(server, "head", NULL);
	struct attrs inputs = step_inputs(a, server), all = head ? step_inputs(a, head) : inputs;
	const char *venv = attrs_value(&all, "venv", NULL), *files;
	struct task words = {0};
	bool carried = how->strict || files_there(a, c, server->node);
	size_t before;

	if (!c->engine->unknown_arg)
		return false;
	for (size_t i = 0; head && i < inputs.n; i++)
		attrs_add(a, &all, inputs.v[i].name, inputs.v[i].value);
	/* A plan does not mount a folder that is not there yet. */
	for (size_t i = 0; c->runtime->contained && !carried && i < all.n; i++)
		if (strcmp(all.v[i].name, "files_dir") == 0)
			all.v[i].value = NULL;
	files = trial_files(a, c->engine, &inputs, carried);
	/* The script keeps the limit itself, and says so. */
	*t = (struct task){.timeout_s = OPTIONS_LIMIT + KILLED_LIMIT};
	t->script = engine_script(a, c->engine, script_with(a, "state", "options-try"));
	if (c->runtime->contained)
		container_task(a, t, c->runtime);
	c->runtime->trial(a, &all, files ? files : "", &words);
	task_word(a, &words, trial_look);
	task_word(a, &words, "dray-options");
	before = words.argc;
	engine_argv(a, c->engine, head ? ENGINE_SERVER : ENGINE_RANK, &inputs, &words);
	task_arg(a, t, "cluster", c->name);
	task_arg(a, t, "unknown", c->engine->unknown_arg);
	task_arg_int(a, t, "prefix", (long long)before);
	if (venv)
		task_arg(a, t, "version", arena_printf(a, "%s %s", venv, 
				attrs_value(&all, c->engine->package, attrs_value(&all, "image_id", "?"))));
	else
		task_arg(a, t, "image", attrs_value(&all, "image", NULL));
	task_arg(a, t, "image_id_sh", venv ? NULL : container_text(a, c->runtime, "image-id"));
	task_arg(a, t, "files", files ? "yes" : NULL);
	task_arg(a, t, "keep", how->keep ? "yes" : NULL);
	task_arg(a, t, "strict", how->strict ? "yes" : NULL);
	task_arg(a, t, "known", how->known);
	task_words(a, t);
	for (size_t i = 0; i < words.argc; i++)
		task_word_kept(a, t, words.argv[i]);
	return true;
}

/* Does the text have that word, and not only as a part of a longer one? */
static bool
trial_has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += n)
		if ((at == text || strchr(" /=", at[-1])) && (!at[n] || strchr(" /=,:", at[n])))
			return true;
	return false;
}

static const struct pair *
trial_pair(struct arena *a, const struct spec *s, bool file, const char *text)
{
	for (size_t i = 0; i < s->engine.args.n; i++) {
		const struct pair *p = &s->engine.args.v[i];

		if (file ? p->value.text && strstr(p->value.text, text) != NULL
			 : trial_has_word(text, arena_printf(a, "--%s", p->key.text)) ||
			   trial_has_word(text, arena_printf(a, "--no-%s", p->key.text)))
			return p;
	}
	return NULL;
}

/* A line that a node printed, made safe: only what can be printed, and not too much. */
static const char *
trial_line(struct arena *a, const char *line, size_t n)
{
	char *text = arena_strndup(a, line, n < TRIAL_TEXT ? n : TRIAL_TEXT);

	for (char *at = text; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return text;
}

const char *
trial_said(struct arena *a, const char *printed, const char *word)
{
	struct str s = {0};
	size_t lines = 0, n = strlen(word);
	const char *copy;

	for (const char *at = printed; *at && lines < TRIAL_LINES;) {
		size_t line = strcspn(at, "\n");

		if (line >= n && strncmp(at, word, n) == 0 && (line == n || at[n] == ' ')) {
			size_t skip = n + (line > n);

			str_printf(&s, "%s\n", trial_line(a, at + skip, line - skip));
			lines++;
		}
		at += line + (at[line] == '\n');
	}
	copy = arena_strdup(a, str_text(&s));
	str_release(&s);
	return copy;
}

void
trial_refused(const struct step *server, const char *printed, struct diags *d)
{
	const struct cluster *c = server->cluster;
	const struct spec *spec = c->spec;
	size_t lines = 0;

	for (const char *at = printed; *at && lines < TRIAL_LINES; lines++) {
		size_t n = strcspn(at, "\n");
		const char *line = trial_line(d->arena, at, n);
		bool file = strncmp(line, "file ", 5) == 0;
		const struct pair *p;

		at += n + (at[n] == '\n');
		if (!file && strncmp(line, "option ", 7) != 0)
			continue;
		line += file ? 5 : 7;
		p = trial_pair(d->arena, spec, file, line);
		if (file)
			diag_error(d, p ? p->value.at : spec->engine.at,
				   "on '%s' there is no '%s' where %s will look for it%s", server->node->name,
				   line, c->engine->server, c->runtime->contained
					? ": carry it with 'files', or mount it with 'docker_args'"
					: ": carry it with 'files'");
		else
			diag_error(d, p ? p->key.at : spec->engine.at, "%s refuses this: %s",
				   c->engine->server, line);
	}
}
