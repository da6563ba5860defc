/* Tokens to syntax tree. Actions build nodes and nothing else: no name is looked up, no constant is folded. What the
   tokens are is decided in filter.c, what a message says in parse_error.c. */
%code requires {
#include "lang/grammar.h"
}

%code {
static int next_token(YYSTYPE *value, struct ncr_place *place, struct ncr_parse *p, bool recovering, const void *context);
static void ncr_yyerror(const struct ncr_place *place, struct ncr_parse *p, const char *text);

/* The arguments of ncr_node_new for some kids; a kid may be NULL. */
#define KIDS(...) NCR_COUNT(((struct ncr_ast *[]){__VA_ARGS__})), (struct ncr_ast *[]){__VA_ARGS__}
#define NODE(KIND, place, ...) ncr_node_new(p, NCR_AST_##KIND, place, KIDS(__VA_ARGS__))
#define LEAF(KIND, place) ncr_node_new(p, NCR_AST_##KIND, place, 0, NULL)
#define LIST(KIND, place, list) ncr_node_list(p, NCR_AST_##KIND, place, NULL, list)
#define HEAD_LIST(KIND, place, head, list) ncr_node_list(p, NCR_AST_##KIND, place, head, list)
#define NAMED(node, word, place) ncr_node_name(node, word, place)
#define BINARY(OP, a, b, all, at) ncr_node_op(NODE(BINARY, all, a, b), NCR_AST_##OP, at)
#define A_RANGE(OP, a, b, c, all, at) ncr_node_op(NODE(RANGE, all, a, b, c), NCR_AST_##OP, at)

/* Where a token is read, the parser's state is at hand: a `;` that is missing can be found before the token after it
   becomes an error. The initialiser is the one that Bison has for its own reports (3.8, yacc.c). */
#undef yylex
#define yylex(value, place, p)                                                                     \
    next_token(value, place, p, YYRECOVERING(),                                                    \
               &(yypcontext_t){yyssp, yyesa, &yyes, &yyes_capacity, YYSYMBOL_YYEMPTY, NULL})

/* The parser's stacks do not grow: they are deep enough for any text within NCR_LIMIT_DEPTH. */
#define YYINITDEPTH 4000
#define YYMAXDEPTH 4000

#define YYLLOC_DEFAULT(current, rhs, n)                                                            \
    do {                                                                                           \
        (current).begin = (n) ? YYRHSLOC(rhs, 1).begin : YYRHSLOC(rhs, 0).end;                     \
        (current).end = YYRHSLOC(rhs, n).end;                                                      \
    } while (0)
}

%define api.pure full
%define api.prefix {ncr_yy}
%define api.token.prefix {T_}
%define api.location.type {struct ncr_place}
%define api.value.type union
%define parse.lac full
%define parse.error custom
%locations
%param {struct ncr_parse *p}
%expect 0

%token YYEOF 0 "end of file"
%token START_FILE "a file" START_GENOTYPE "a genotype" START_EXPR "an expression"

%token <struct ncr_str> NAME "name" LABEL "label"
%token <struct ncr_ast *> INT "integer" FLOAT "number" PERCENT "percentage" QUANTITY "quantity" STRING "string"
%token <struct ncr_str> ANNOT "annotation" ANNOT_CALL "annotation with arguments"

%token <struct ncr_str> IMPORT "`import`" NET "`net`" BLOCK "`block`" MUTATION "`mutation`" LET "`let`" CHOOSE "`choose`"
%token <struct ncr_str> OPTIONAL "`optional`" REPEAT "`repeat`" REQUIRE "`require`" IF "`if`" IF_STATEMENT "`if` statement"
%token <struct ncr_str> ELSE "`else`" FOR "`for`" IN "`in`" WITH "`with`" THIS "`this`" TRUE "`true`" FALSE "`false`"

%token <struct ncr_str> STEP "`step`" POW2 "`pow2`" OF "`of`" ORDERED "`ordered`" REPEATED "`repeated`" WEIGHT "`weight`" BY "`by`"
%token <struct ncr_str> BOUNDED "`bounded`" AFTER "`after`" BEFORE "`before`" SET "`set`" INSERT "`insert`"
%token <struct ncr_str> REPLACE "`replace`" REMOVE "`remove`" REDRAW "`redraw`" INHERIT "`inherit`" X "`x`"

%token ARROW "`->`" OR "`||`" AND "`&&`" EQ "`==`" NE "`!=`" LE "`<=`" GE "`>=`" PIPE "`|>`" RANGE "`..`" RANGE_EQ "`..=`"
%token SHL "`<<`" SHR "`>>`" '<' "`<`" '>' "`>`" '+' "`+`" '-' "`-`" '*' "`*`" '/' "`/`" '%' "`%`" '!' "`!`" '=' "`=`"
%token '(' "`(`" ')' "`)`" '{' "`{`" '}' "`}`" '[' "`[`" ']' "`]`" '.' "`.`" ',' "`,`" ';' "`;`" ':' "`:`" '@' "`@`"

%right ARROW
%left OR
%left AND
%nonassoc EQ NE '<' LE '>' GE
%left PIPE
%nonassoc RANGE RANGE_EQ
%precedence STEP POW2
%left SHL SHR
%left '+' '-'
%left '*' '/' '%'

%type <struct ncr_str> name word dotted
%type <struct ncr_ast *> item core_item params params_opt param outs_opt out type bound_opt plain_param plain_alt
%type <struct ncr_ast *> block statement core if_statement if_expr else_opt path
%type <struct ncr_ast *> record field last_field item2 expr unary postfix primary choose count alt arg annot
%type <struct ncr_ast *> genotype gene seg
%type <int> subset
%type <struct ncr_list *> items annots param_list out_list statements fields items2 exprs args arg_list alts genes segs

%%

start: START_FILE items YYEOF       { p->root = LIST(FILE, @2, $2); }
     | START_GENOTYPE genotype YYEOF { p->root = $2; }
     | START_EXPR expr YYEOF        { p->root = $2; }
     ;

/* -- files and items -- */

items: %empty                       { $$ = p->items = ncr_list_new(p); }
     | items item                   { $$ = ncr_list_add(p, $1, $2); }
     | items error ';'              { $$ = $1; yyerrok; }
     | items error '}'              { $$ = $1; yyerrok; }
     ;
item: core_item                     { $$ = ncr_node_doc(p, $1, @$); }
    | annots core_item              { $$ = ncr_node_doc(p, ncr_node_annotate($2, $1), @$); }
    ;
core_item: IMPORT dotted            { $$ = NAMED(LEAF(IMPORT, @$), $2, @2); }
         | IMPORT dotted ';'        { $$ = NAMED(LEAF(IMPORT, @$), $2, @2); }
         | NET name params params_opt outs_opt bound_opt block
                                    { $$ = NAMED(NODE(NET, @$, $3, $4, $5, $6, $7), $2, @2); }
         | NET name '=' expr ';'   { $$ = NAMED(NODE(NET_VALUE, @$, $4), $2, @2); }
         | BLOCK name params params_opt outs_opt bound_opt block
                                    { $$ = NAMED(NODE(BLOCK_DEF, @$, $3, $4, $5, $6, $7), $2, @2); }
         | MUTATION name params block { $$ = NAMED(NODE(MUTATION, @$, $3, $4), $2, @2); }
         | name name record         { $$ = NAMED(NODE(DECL, @$, NAMED(LEAF(NAME, @1), $1, @1), $3), $2, @2); }
         | name name '=' expr ';'  { $$ = NAMED(NODE(DECL_VALUE, @$, NAMED(LEAF(NAME, @1), $1, @1), $4), $2, @2); }
         | LET name '=' expr ';'   { $$ = NAMED(NODE(LET, @$, $4), $2, @2); }
         ;

name: NAME | STEP | POW2 | OF | ORDERED | REPEATED | WEIGHT | BY | BOUNDED | AFTER | BEFORE | SET | INSERT | REPLACE | REMOVE
    | REDRAW | INHERIT
    ;
word: name | IMPORT | NET | BLOCK | MUTATION | LET | CHOOSE | OPTIONAL | REPEAT | REQUIRE | IF | IF_STATEMENT | ELSE | FOR
    | IN | WITH | THIS | TRUE | FALSE
    ;
dotted: name                        { $$ = $1; }
      | dotted '.' NAME             { $$ = ncr_str_fmt(p->lexer.arena, "%.*s.%.*s", NCR_STR_ARG($1), NCR_STR_ARG($3)); }
      ;

annots: annot                       { $$ = ncr_list_add(p, ncr_list_new(p), $1); }
      | annots annot                { $$ = ncr_list_add(p, $1, $2); }
      ;
annot: ANNOT                        { $$ = NAMED(LEAF(ANNOT, @$), $1, ncr_place_annot(@1, $1)); }
     | ANNOT_CALL '(' args ')'      { $$ = NAMED(LIST(ANNOT, @$, $3), $1, ncr_place_annot(@1, $1)); }
     ;

params_opt: %empty                  { $$ = NULL; }
          | params
          ;
params: '(' ')'                     { $$ = LEAF(PARAMS, @$); }
      | '(' param_list ')'          { $$ = LIST(PARAMS, @$, $2); }
      | '(' param_list ',' ')'      { $$ = LIST(PARAMS, @$, $2); }
      ;
param_list: param                   { $$ = ncr_list_add(p, ncr_list_new(p), $1); }
          | param_list ',' param    { $$ = ncr_list_add(p, $1, $3); }
          ;
param: plain_param
     | annots plain_param           { $$ = ncr_node_annotate($2, $1); }
     ;
plain_param: name                   { $$ = NAMED(NODE(PARAM, @$, NULL, NULL), $1, @1); }
           | LABEL type             { $$ = NAMED(NODE(PARAM, @$, $2, NULL), $1, ncr_place_label(@1, $1)); }
           | LABEL type '=' expr    { $$ = NAMED(NODE(PARAM, @$, $2, $4), $1, ncr_place_label(@1, $1)); }
           ;
type: dotted                        { $$ = NAMED(LEAF(TYPE, @$), $1, @1); }
    | dotted '[' exprs ']'          { $$ = NAMED(LIST(TYPE, @$, $3), $1, @1); }
    | dotted '[' exprs ',' ']'      { $$ = NAMED(LIST(TYPE, @$, $3), $1, @1); }
    ;
outs_opt: %empty                    { $$ = NULL; }
        | ARROW type                { $$ = NODE(OUTS, @$, NODE(OUT, @2, $2)); }
        | ARROW '(' out_list ')'    { $$ = LIST(OUTS, @$, $3); }
        | ARROW '(' out_list ',' ')' { $$ = LIST(OUTS, @$, $3); }
        ;
out_list: out                       { $$ = ncr_list_add(p, ncr_list_new(p), $1); }
        | out_list ',' out          { $$ = ncr_list_add(p, $1, $3); }
        ;
out: LABEL type                     { $$ = NAMED(NODE(OUT, @$, $2), $1, ncr_place_label(@1, $1)); }
   ;
bound_opt: %empty                   { $$ = NULL; }
         | BOUNDED expr             { $$ = $2; }
         ;

/* -- statements -- */

block: '{' statements '}'           { $$ = LIST(BLOCK, @$, ncr_list_add(p, $2, NULL)); }
     | '{' statements expr '}'      { $$ = LIST(BLOCK, @$, ncr_list_add(p, $2, $3)); }
     | '{' statements error '}'     { $$ = LIST(BLOCK, @$, ncr_list_add(p, $2, NULL)); yyerrok; }
     ;
statements: %empty                  { $$ = ncr_list_new(p); }
          | statements statement    { $$ = ncr_list_add(p, $1, $2); }
          | statements error ';'    { $$ = $1; yyerrok; }
          ;
statement: core
         | annots core              { $$ = ncr_node_annotate($2, $1); }
         | if_statement
         | expr ';'                { $$ = NODE(EXPR_STMT, @$, $1); }
         ;
core: LET name '=' expr ';'        { $$ = NAMED(NODE(LET, @$, $4), $2, @2); }
    | REQUIRE exprs ';'            { $$ = LIST(REQUIRE, @$, $2); }
    | FOR name IN expr block        { $$ = NAMED(NODE(FOR, @$, $4, $5), $2, @2); }
    | INSERT AFTER path block ';'  { $$ = NAMED(NODE(INSERT, @$, $3, $4), $2, @2); }
    | INSERT BEFORE path block ';' { $$ = NAMED(NODE(INSERT, @$, $3, $4), $2, @2); }
    | REPLACE path WITH expr ';'   { $$ = NODE(REPLACE, @$, $2, $4); }
    | REMOVE path ';'              { $$ = NODE(REMOVE, @$, $2); }
    | SET path '=' expr ';'        { $$ = NODE(SET, @$, $2, $4); }
    | REDRAW path ';'              { $$ = NODE(REDRAW, @$, $2); }
    | STEP path BY expr ';'        { $$ = NODE(STEP, @$, $2, $4); }
    | INHERIT name ';'             { $$ = NAMED(LEAF(INHERIT, @$), $2, @2); }
    | INHERIT name '(' args ')' ';' { $$ = NAMED(LIST(INHERIT, @$, $4), $2, @2); }
    ;
path: name                          { $$ = NAMED(LEAF(NAME, @$), $1, @1); }
    | THIS                          { $$ = LEAF(THIS, @$); }
    | path '.' NAME                 { $$ = NAMED(NODE(MEMBER, @$, $1), $3, @3); }
    | path '[' expr ']'             { $$ = NODE(INDEX, @$, $1, $3); }
    ;
if_statement: IF_STATEMENT expr block else_opt { $$ = NODE(IF, @$, $2, $3, $4); }
            ;
if_expr: IF expr block else_opt     { $$ = NODE(IF, @$, $2, $3, $4); }
       ;
else_opt: %empty                    { $$ = NULL; }
        | ELSE block                { $$ = $2; }
        | ELSE if_expr              { $$ = $2; }
        ;

/* -- records -- */

record: '{' fields '}'              { $$ = LIST(RECORD, @$, $2); }
      | '{' fields last_field '}'   { $$ = LIST(RECORD, @$, ncr_list_add(p, $2, $3)); }
      | '{' fields error '}'        { $$ = LIST(RECORD, @$, $2); yyerrok; }
      ;
fields: %empty                      { $$ = ncr_list_new(p); }
      | fields field                { $$ = ncr_list_add(p, $1, $2); }
      | fields annots field         { $$ = ncr_list_add(p, $1, ncr_node_annotate($3, $2)); }
      | fields error ';'            { $$ = $1; yyerrok; }
      ;
field: LABEL exprs ';'             { $$ = NAMED(LIST(FIELD, @$, $2), $1, ncr_place_label(@1, $1)); }
     | LABEL record                 { $$ = NAMED(NODE(FIELD_RECORD, @$, $2), $1, ncr_place_label(@1, $1)); }
     | LABEL record ';'             { $$ = NAMED(NODE(FIELD_RECORD, @$, $2), $1, ncr_place_label(@1, $1)); }
     | name record                  { $$ = NAMED(NODE(SECTION, @$, NULL, $2), $1, @1); }
     | name name record             { $$ = NAMED(NODE(SECTION, @$, NAMED(LEAF(NAME, @2), $2, @2), $3), $1, @1); }
     | name STRING record           { $$ = NAMED(NODE(SECTION, @$, $2, $3), $1, @1); }
     | name items2 ';'             { $$ = NAMED(LIST(ITEMS, @$, $2), $1, @1); }
     | REQUIRE items2 ';'          { $$ = NAMED(LIST(ITEMS, @$, $2), $1, @1); }
     ;
last_field: LABEL exprs             { $$ = NAMED(LIST(FIELD, @$, $2), $1, ncr_place_label(@1, $1)); }
          | annots LABEL exprs      { $$ = ncr_node_annotate(NAMED(LIST(FIELD, @2, $3), $2, ncr_place_label(@2, $2)), $1);
                                      $$->span.end = @$.end; }
          ;
items2: item2                       { $$ = ncr_list_add(p, ncr_list_new(p), $1); }
      | items2 ',' item2            { $$ = ncr_list_add(p, $1, $3); }
      ;
item2: expr                         { $$ = NODE(ITEM, @$, $1, NULL); }
     | expr WEIGHT expr             { $$ = NODE(ITEM, @$, $1, $3); }
     ;

/* -- expressions -- */

exprs: expr                         { $$ = ncr_list_add(p, ncr_list_new(p), $1); }
     | exprs ',' expr               { $$ = ncr_list_add(p, $1, $3); }
     ;
expr: unary
    | if_expr
    | expr ARROW expr               { $$ = BINARY(ARROW, $1, $3, @$, @2); }
    | expr OR expr                  { $$ = BINARY(OR, $1, $3, @$, @2); }
    | expr AND expr                 { $$ = BINARY(AND, $1, $3, @$, @2); }
    | expr EQ expr                  { $$ = BINARY(EQ, $1, $3, @$, @2); }
    | expr NE expr                  { $$ = BINARY(NE, $1, $3, @$, @2); }
    | expr '<' expr                 { $$ = BINARY(LT, $1, $3, @$, @2); }
    | expr LE expr                  { $$ = BINARY(LE, $1, $3, @$, @2); }
    | expr '>' expr                 { $$ = BINARY(GT, $1, $3, @$, @2); }
    | expr GE expr                  { $$ = BINARY(GE, $1, $3, @$, @2); }
    | expr PIPE expr                { $$ = BINARY(PIPE, $1, $3, @$, @2); }
    | expr RANGE expr               { $$ = A_RANGE(RANGE_OP, $1, $3, NULL, @$, @2); }
    | expr RANGE_EQ expr            { $$ = A_RANGE(RANGE_EQ, $1, $3, NULL, @$, @2); }
    | expr RANGE expr STEP expr     { $$ = A_RANGE(RANGE_OP, $1, $3, $5, @$, @2); }
    | expr RANGE_EQ expr STEP expr  { $$ = A_RANGE(RANGE_EQ, $1, $3, $5, @$, @2); }
    | expr RANGE expr POW2          { $$ = A_RANGE(RANGE_OP, $1, $3, NULL, @$, @2); $$->flag = true; }
    | expr RANGE_EQ expr POW2       { $$ = A_RANGE(RANGE_EQ, $1, $3, NULL, @$, @2); $$->flag = true; }
    | expr SHL expr                 { $$ = BINARY(SHL, $1, $3, @$, @2); }
    | expr SHR expr                 { $$ = BINARY(SHR, $1, $3, @$, @2); }
    | expr '+' expr                 { $$ = BINARY(ADD, $1, $3, @$, @2); }
    | expr '-' expr                 { $$ = BINARY(SUB, $1, $3, @$, @2); }
    | expr '*' expr                 { $$ = BINARY(MUL, $1, $3, @$, @2); }
    | expr '/' expr                 { $$ = BINARY(DIV, $1, $3, @$, @2); }
    | expr '%' expr                 { $$ = BINARY(MOD, $1, $3, @$, @2); }
    ;
unary: postfix
     | annots postfix               { $$ = ncr_node_annotate($2, $1); }
     | '-' unary                    { $$ = ncr_node_op(NODE(UNARY, @$, $2), NCR_AST_NEG, @1); }
     | '!' unary                    { $$ = ncr_node_op(NODE(UNARY, @$, $2), NCR_AST_NOT, @1); }
     ;
postfix: primary
       | postfix '(' args ')'       { $$ = HEAD_LIST(CALL, @$, $1, $3); }
       | postfix '[' exprs ']'      { $$ = HEAD_LIST(INDEX, @$, $1, $3); }
       | postfix '[' exprs ',' ']'  { $$ = HEAD_LIST(INDEX, @$, $1, $3); }
       | postfix '.' NAME           { $$ = NAMED(NODE(MEMBER, @$, $1), $3, @3); }
       | postfix WITH '{' genes '}' { $$ = HEAD_LIST(WITH, @$, $1, $4); }
       | postfix WITH '{' genes error '}' { $$ = HEAD_LIST(WITH, @$, $1, $4); yyerrok; }
       ;
primary: name                       { $$ = NAMED(LEAF(NAME, @$), $1, @1); }
       | THIS                       { $$ = LEAF(THIS, @$); }
       | TRUE                       { $$ = LEAF(BOOL, @$); $$->value.i = 1; }
       | FALSE                      { $$ = LEAF(BOOL, @$); }
       | INT
       | INT X INT                  { $$ = NODE(PAIR, @$, $1, $3); }
       | FLOAT
       | PERCENT
       | QUANTITY
       | STRING
       | '(' expr ')'               { $$ = NODE(PAREN, @$, $2); }
       | '(' LABEL expr ')'         { $$ = NODE(TUPLE, @$, NAMED(NODE(ARG, ncr_place_join(@2, @3), $3), $2, ncr_place_label(@2, $2))); }
       | '(' LABEL expr ',' args ')' { $$ = HEAD_LIST(TUPLE, @$, NAMED(NODE(ARG, ncr_place_join(@2, @3), $3), $2, ncr_place_label(@2, $2)), $5); }
       | '[' ']'                    { $$ = LEAF(LIST, @$); }
       | '[' exprs ']'              { $$ = LIST(LIST, @$, $2); }
       | '[' exprs ',' ']'          { $$ = LIST(LIST, @$, $2); }
       | choose
       | OPTIONAL block             { $$ = NODE(OPTIONAL, @$, $2); }
       | OPTIONAL name block        { $$ = NAMED(NODE(OPTIONAL, @$, $3), $2, @2); }
       | REPEAT '(' expr ')' block  { $$ = NODE(REPEAT, @$, $3, $5); }
       | REPEAT '(' name IN expr ')' block { $$ = NAMED(NODE(REPEAT, @$, $5, $7), $3, @3); }
       ;
choose: CHOOSE '(' args ')'         { $$ = LIST(CHOOSE_LIST, @$, $3); }
      | CHOOSE name '(' args ')'    { $$ = NAMED(LIST(CHOOSE_LIST, @$, $4), $2, @2); }
      | CHOOSE '{' alts '}'         { $$ = LIST(CHOOSE_ALTS, @$, $3); }
      | CHOOSE name '{' alts '}'    { $$ = NAMED(LIST(CHOOSE_ALTS, @$, $4), $2, @2); }
      | CHOOSE count subset '(' args ')' { $$ = HEAD_LIST(CHOOSE_OF, @$, $2, $5); ncr_subset_flags($$, $3); }
      | CHOOSE LABEL count subset '(' args ')'
                                    { $$ = NAMED(HEAD_LIST(CHOOSE_OF, @$, $3, $6), $2, ncr_place_label(@2, $2)); ncr_subset_flags($$, $4); }
      ;
subset: OF                          { $$ = 0; }
      | OF ORDERED                  { $$ = 1; }
      | OF REPEATED                 { $$ = 2; }
      | OF ORDERED REPEATED         { $$ = 3; }
      ;
count: INT
     | INT RANGE INT                { $$ = A_RANGE(RANGE_OP, $1, $3, NULL, @$, @2); }
     | INT RANGE_EQ INT             { $$ = A_RANGE(RANGE_EQ, $1, $3, NULL, @$, @2); }
     | name                         { $$ = NAMED(LEAF(NAME, @$), $1, @1); }
     ;
alts: alt                           { $$ = ncr_list_add(p, ncr_list_new(p), $1); }
    | alts alt                      { $$ = ncr_list_add(p, $1, $2); }
    | error ';'                     { $$ = ncr_list_new(p); yyerrok; }
    | alts error ';'                { $$ = $1; yyerrok; }
    ;
alt: plain_alt
   | annots plain_alt               { $$ = ncr_node_annotate($2, $1); }
   ;
plain_alt: LABEL expr               { $$ = NAMED(NODE(ALT, @$, $2), $1, ncr_place_label(@1, $1)); }
         | LABEL expr ';'           { $$ = NAMED(NODE(ALT, @$, $2), $1, ncr_place_label(@1, $1)); }
         ;
args: %empty                        { $$ = ncr_list_new(p); }
    | arg_list
    | arg_list ','
    ;
arg_list: arg                       { $$ = ncr_list_add(p, ncr_list_new(p), $1); }
        | arg_list ',' arg          { $$ = ncr_list_add(p, $1, $3); }
        ;
arg: expr                           { $$ = NODE(ARG, @$, $1); }
   | LABEL expr                     { $$ = NAMED(NODE(ARG, @$, $2), $1, ncr_place_label(@1, $1)); }
   ;

/* -- genotypes -- */

genotype: dotted '{' genes '}'      { $$ = NAMED(LIST(GENOTYPE, @$, $3), $1, @1); }
        | dotted '{' genes error '}' { $$ = NAMED(LIST(GENOTYPE, @$, $3), $1, @1); }
        ;
genes: %empty                       { $$ = ncr_list_new(p); }
     | genes gene                   { $$ = ncr_list_add(p, $1, $2); }
     | genes error ';'              { $$ = $1; yyerrok; }
     ;
gene: segs '=' expr ';'            { $$ = HEAD_LIST(GENE, @$, $3, $1); }
    ;
segs: seg                           { $$ = ncr_list_add(p, ncr_list_new(p), $1); }
    | segs '/' seg                  { $$ = ncr_list_add(p, $1, $3); }
    ;
seg: word                           { $$ = NAMED(LEAF(SEG, @$), $1, @1); }
   | seg '[' INT ']'                { $$ = ncr_node_extend(p, $1, $3, @$); }
   ;

%%

const char *ncr_token_name(int kind)
{
    return yysymbol_name(YYTRANSLATE(kind));
}

static bool acceptable(const yypcontext_t *context, int token)
{
    return yy_lac(context->yyesa, context->yyes, context->yyes_capacity, context->yyssp, YYTRANSLATE(token)) == 0;
}

/* The next token. Where it cannot stand, begins something new, and a `;` could stand, then that is what is missing: it is
   reported, and given before the token. */
static int with_semicolons(struct ncr_parse *p, struct ncr_token *token, bool recovering, const yypcontext_t *context)
{
    if (p->held) {
        *token = p->after_semicolon;
        p->held = false;
        return token->kind;
    }
    int kind = ncr_lexer_next(&p->lexer, token);
    if (recovering || !ncr_parse_begins(&p->lexer) || acceptable(context, kind) || !acceptable(context, ';') ||
        acceptable(context, T_LET))
        return kind;
    ncr_parse_report_semicolon(p);
    p->held = true;
    p->after_semicolon = *token;
    if (kind == T_IF) p->after_semicolon.kind = T_IF_STATEMENT;
    token->end = token->begin;
    return ';';
}

/* What a token means to the actions: a word, a literal's node, or nothing. */
static int next_token(YYSTYPE *value, struct ncr_place *place, struct ncr_parse *p, bool recovering, const void *context)
{
    struct ncr_token token;
    int kind = with_semicolons(p, &token, recovering, context);
    place->begin = token.begin;
    place->end = token.end;
    switch (kind) {
    case T_INT: value->T_INT = ncr_node_literal(p, NCR_AST_INT, &token); break;
    case T_FLOAT: value->T_FLOAT = ncr_node_literal(p, NCR_AST_FLOAT, &token); break;
    case T_PERCENT: value->T_PERCENT = ncr_node_literal(p, NCR_AST_PERCENT, &token); break;
    case T_QUANTITY: value->T_QUANTITY = ncr_node_literal(p, NCR_AST_QUANTITY, &token); break;
    case T_STRING: value->T_STRING = ncr_node_literal(p, NCR_AST_STRING, &token); break;
    default: value->T_NAME = token.text; break;
    }
    return kind;
}

/* Called for the parser's own stack alone: nesting too deep to be read. */
static void ncr_yyerror(const struct ncr_place *place, struct ncr_parse *p, const char *text)
{
    (void)text;
    if (!p->too_deep)
        NCR_DIAG(p->lexer.diags, TOO_DEEP, ncr_lexer_span(&p->lexer, place->begin, place->end),
                 (unsigned)NCR_LIMIT_DEPTH);
    p->too_deep = true;
}

static int token_of(yysymbol_kind_t symbol)
{
    for (int token = 0; token < 512; token++)
        if (YYTRANSLATE(token) == symbol) return token;
    return 0;
}

static int yyreport_syntax_error(const yypcontext_t *context, struct ncr_parse *p)
{
    yysymbol_kind_t symbols[YYNTOKENS];
    int tokens[YYNTOKENS];
    int n = yypcontext_expected_tokens(context, symbols, YYNTOKENS);
    for (int i = 0; i < n; i++) tokens[i] = token_of(symbols[i]);
    ncr_parse_report(p, tokens, n > 0 ? n : 0);
    return 0;
}

static void check_imports(struct ncr_parse *p, const struct ncr_ast *file)
{
    bool declared = false;
    for (uint32_t i = 0; i < file->n_kids; i++) {
        bool import = file->kid[i]->kind == NCR_AST_IMPORT;
        if (import && declared) NCR_DIAG0(p->lexer.diags, IMPORT_LATE, file->kid[i]->span);
        declared |= !import;
    }
}

static struct ncr_syntax *parse(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file, int start)
{
    struct ncr_parse *p = NCR_NEW(arena, struct ncr_parse);
    uint32_t errors = diags->n_errors;
    ncr_lexer_init(&p->lexer, arena, diags, file, start);
    ncr_yyparse(p);
    bool failed = diags->n_errors > errors;
    struct ncr_syntax *syntax = NCR_NEW(arena, struct ncr_syntax);
    syntax->file = file;
    syntax->comments = p->lexer.comments.at;
    syntax->n_comments = p->lexer.comments.n;
    syntax->root = failed && start != T_START_FILE ? NULL : p->root;
    // After an error that ended the parser, or nesting past the limit: what was read whole before it.
    if (start == T_START_FILE && (!p->root || p->too_deep)) {
        struct ncr_list kept = {0};
        for (uint32_t i = 0; p->items && i < p->items->n; i++)
            if (p->items->at[i]->depth < NCR_LIMIT_DEPTH) ncr_list_add(p, &kept, p->items->at[i]);
        syntax->root = ncr_node_list(p, NCR_AST_FILE, (struct ncr_place){0, p->lexer.source.n}, NULL, &kept);
    }
    if (start == T_START_FILE) check_imports(p, syntax->root);
    return syntax;
}

struct ncr_syntax *ncr_parse(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file)
{
    return parse(arena, diags, file, T_START_FILE);
}

struct ncr_syntax *ncr_parse_genotype(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file)
{
    return parse(arena, diags, file, T_START_GENOTYPE);
}

struct ncr_ast *ncr_parse_expr(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file)
{
    return parse(arena, diags, file, T_START_EXPR)->root;
}

void ncr_tokens_dump(struct ncr_diags *diags, uint32_t file, struct ncr_buf *out)
{
    struct ncr_lexer lexer;
    struct ncr_token t;
    ncr_lexer_init(&lexer, diags->arena, diags, file, 0);
    do {
        ncr_lexer_next(&lexer, &t);
        if (t.kind == T_NCR_YYerror) continue;
        struct ncr_pos pos = ncr_sources_pos(diags->sources, file, t.begin);
        ncr_buf_fmt(out, "%u:%u %s", pos.line, pos.column, ncr_token_name(t.kind));
        if (t.end > t.begin) ncr_buf_fmt(out, " %.*s", (int)(t.end - t.begin), lexer.source.s + t.begin);
        ncr_buf_putc(out, '\n');
    } while (t.kind != T_YYEOF);
}
