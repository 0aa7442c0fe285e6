/* The field table as a JSON Schema, for editors and for whoever makes specs by program. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "planner/fields.h"
#include "planner/spec.h"

/* A variable may stand for any value; what it holds is not the schema's to know. */
static const char with_variable[] = "\\$\\{";

static json_t *
variable(void)
{
	return json_pack("{s:s, s:s}", "type", "string", "pattern", with_variable);
}

/* A scalar that is read as a text: YAML readers may take 1.10 or no for something else. */
static json_t *
text(const struct field *f)
{
	json_t *j, *choices;

	if (f->choices) {
		choices = json_array();
		for (size_t i = 0; f->choices[i]; i++)
			json_array_append_new(choices, json_string(f->choices[i]));
		j = json_pack("{s:[{s:o}, o]}", "anyOf", "enum", choices, variable());
		if (f->pattern)
			json_array_append_new(json_object_get(j, "anyOf"),
					      json_pack("{s:s, s:s}", "type", "string",
							"pattern", f->pattern));
		return j;
	}
	j = json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean");
	if (f->pattern)
		json_object_set_new(j, "pattern",
				    json_sprintf("%s|%s%s", f->pattern, with_variable,
						 f->flags & FIELD_RANGE ? "|\\[" : ""));
	if (f->longest)
		json_object_set_new(j, "maxLength", json_integer((json_int_t)f->longest));
	return j;
}

static json_t *
number(const struct field *f)
{
	return json_pack("{s:[{s:s, s:I, s:I}, {s:s, s:s}]}", "anyOf", "type", "integer",
			 "minimum", (json_int_t)f->min, "maximum", (json_int_t)f->max,
			 "type", "string", "pattern", "^[0-9]+$|\\$\\{");
}

static json_t *
pairs(const struct field *f)
{
	json_t *value = f->type == FIELD_ARGS
		? json_pack("{s:[o, {s:s, s:o}]}", "anyOf", text(f), "type", "array", "items", text(f))
		: text(f);

	return json_pack("{s:[s, s], s:{s:s}, s:o}", "type", "object", "null", "propertyNames",
			 "pattern", f->key_pattern, "additionalProperties", value);
}

static json_t *group(const struct field_group *g);

/* A list; with FIELD_ONE a single text as well. */
static json_t *
texts(const struct field *f)
{
	json_t *list = json_pack("{s:[s, s], s:o}", "type", "array", "null", "items", text(f));

	return f->flags & FIELD_ONE ? json_pack("{s:[o, o]}", "anyOf", text(f), list) : list;
}

static json_t *
field(const struct field *f)
{
	json_t *j = NULL;

	switch (f->type) {
	case FIELD_TEXT:
		j = text(f);
		break;
	case FIELD_NUMBER:
		j = number(f);
		break;
	case FIELD_SECRET:
		j = json_pack("{s:s, s:s}", "type", "string", "pattern", "^(env|file|cmd):.+");
		break;
	case FIELD_TEXTS:
		j = texts(f);
		break;
	case FIELD_GROUPS:
		j = json_pack("{s:[s, s], s:o}", "type", "array", "null", "items", group(f->group));
		break;
	case FIELD_TREE:
		j = json_pack("{s:[s, s]}", "type", "object", "null");
		break;
	case FIELD_PAIRS:
	case FIELD_ARGS:
	case FIELD_VARS:
		j = pairs(f);
		break;
	case FIELD_GROUP:
		j = group(f->group);
		break;
	case FIELD_NODES:
		j = json_pack("{s:[{s:s, s:i, s:{s:[{s:s}, o]}}, o]}", "anyOf",
			      "type", "array", "minItems", 1,
			      "items", "anyOf", "type", "string", group(f->group),
			      group(&inventory_fields));
		break;
	}
	if (!j)
		abort();
	json_object_set_new(j, "description", json_string(f->doc));
	if (f->fallback)
		json_object_set_new(j, "default", f->type == FIELD_NUMBER
			? json_integer(strtoll(f->fallback, NULL, 10)) : json_string(f->fallback));
	return j;
}

static json_t *
group(const struct field_group *g)
{
	json_t *properties = json_object(), *required = json_array(), *j;

	for (const struct field *f = g->field; f->name; f++) {
		json_object_set_new(properties, f->name, field(f));
		if (f->flags & FIELD_REQUIRED)
			json_array_append_new(required, json_string(f->name));
	}
	j = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
		      "properties", properties);
	if (json_array_size(required))
		json_object_set(j, "required", required);
	json_decref(required);
	return j;
}

const char *
spec_schema(struct arena *a)
{
	json_t *j = group(&spec_fields);
	char *text_of;
	const char *copy;

	json_object_set_new(j, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(j, "title", json_string("dray.yaml"));
	json_object_set_new(j, "description", json_string("A model, and the hosts that serve it."));
	text_of = json_dumps(j, JSON_INDENT(2));
	if (!text_of)
		abort();
	copy = arena_printf(a, "%s\n", text_of);
	free(text_of);
	json_decref(j);
	return copy;
}
