"""Alembic: a history of revisions up, compared with the models, and down again."""
import os, sys, tempfile, pathlib
from alembic import command
from alembic.config import Config

folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ["WORK"]))
(folder / "versions").mkdir()
(folder / "env.py").write_text('''
from alembic import context
from sqlalchemy import create_engine, MetaData, Table, Column, Integer, String, ForeignKey
from sqlalchemy.dialects import postgresql
meta = MetaData()
Table("team", meta, Column("id", Integer, primary_key=True), Column("name", String(50), nullable=False, unique=True), Column("motto", String))
Table("member", meta, Column("id", Integer, primary_key=True), Column("team_id", ForeignKey("team.id")), Column("email", String, index=True), Column("kind", postgresql.ENUM("own", "guest", "former", name="member_kind"), server_default="own"))
engine = create_engine("postgresql+psycopg2://")
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=meta, compare_type=True, compare_server_default=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
''')
(folder / "script.py.mako").write_text('''"""${message}"""
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
def upgrade():
    ${upgrades if upgrades else "pass"}
def downgrade():
    ${downgrades if downgrades else "pass"}
''')
def revision(name, before, up, down):
    (folder / "versions" / f"{name}.py").write_text(f'''
revision = "{name}"
down_revision = {before!r}
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
def upgrade():
{up}
def downgrade():
{down}
''')
revision("a1", None, '''
    op.create_table("team", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(20), nullable=False, comment="what it is called"))
    op.create_table("member", sa.Column("id", sa.Integer, primary_key=True), sa.Column("team_id", sa.Integer, sa.ForeignKey("team.id", name="member_team")), sa.Column("email", sa.String))
    op.create_index("ix_member_email", "member", ["email"])
    op.bulk_insert(sa.table("team", sa.column("name", sa.String)), [{"name": "red"}, {"name": "it's blue"}])
''', '''
    op.drop_table("member")
    op.drop_table("team")
''')
revision("a2", "a1", '''
    op.alter_column("team", "name", type_=sa.String(50), existing_nullable=False)
    op.create_unique_constraint("team_name_key", "team", ["name"])
    kind = postgresql.ENUM("own", "guest", name="member_kind")
    kind.create(op.get_bind())
    op.add_column("member", sa.Column("kind", kind, server_default="own"))
    op.execute("UPDATE member SET kind = 'guest' WHERE email IS NULL")
    op.create_check_constraint("email_at", "member", "email LIKE '%@%'")
    with op.get_context().autocommit_block():
        op.execute("ALTER TYPE member_kind ADD VALUE IF NOT EXISTS 'former'")
        op.create_index("ix_member_kind", "member", ["kind"], postgresql_concurrently=True)
''', '''
    op.drop_index("ix_member_kind")
    op.drop_constraint("email_at", "member")
    op.drop_column("member", "kind")
    op.execute("DROP TYPE member_kind")
    op.drop_constraint("team_name_key", "team")
''')
revision("a3", "a2", '''
    op.execute("CREATE VIEW lonely AS SELECT t.id FROM team t LEFT JOIN member m ON m.team_id = t.id WHERE m.id IS NULL")
    op.rename_table("member", "person")
    op.rename_table("person", "member")
    op.alter_column("member", "email", new_column_name="mail")
    op.alter_column("member", "mail", new_column_name="email", nullable=False, server_default="x@y")
    op.create_table_comment("team", "those who play")
    op.drop_table_comment("team")
''', '''
    op.alter_column("member", "email", nullable=True, server_default=None)
    op.execute("DROP VIEW lonely")
''')
config = Config()
config.set_main_option("script_location", str(folder))
command.upgrade(config, "+1")
command.upgrade(config, "head")
command.current(config)
command.history(config)
command.revision(config, message="made", autogenerate=True)
command.upgrade(config, "head")
command.downgrade(config, "a1")
command.upgrade(config, "head")
command.stamp(config, "a3")
command.stamp(config, "head")
command.downgrade(config, "base")
print("done")
