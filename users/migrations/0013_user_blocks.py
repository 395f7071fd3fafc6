"""Counts by blocks of ids, so that a page in the middle by its number need not skip half of all ids.

The triggers that count by client count these too. Who writes users waits until all are counted.
"""

from importlib import import_module

from django.db import migrations, models

# As users/counting.py had them: what is changed there gets a migration of its own.
STATEMENTS = {
    'postgresql': (
        "CREATE OR REPLACE FUNCTION user_counts_inserted() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO user_counts (client_id, status, number, folded) SELECT coalesce(changed.client_id, 0), CASE WHEN NOT changed.active THEN 'inactive' WHEN substr(changed.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, count(*), false FROM made AS changed GROUP BY 1, 2; INSERT INTO user_blocks (block, role, status, number, folded) SELECT changed.id >> 16, CASE WHEN changed.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT changed.active THEN 'inactive' WHEN substr(changed.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, count(*), false FROM made AS changed GROUP BY 1, 2, 3; RETURN NULL; END$$",
        "CREATE OR REPLACE FUNCTION user_counts_deleted() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO user_counts (client_id, status, number, folded) SELECT coalesce(changed.client_id, 0), CASE WHEN NOT changed.active THEN 'inactive' WHEN substr(changed.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, -count(*), false FROM gone AS changed GROUP BY 1, 2; INSERT INTO user_blocks (block, role, status, number, folded) SELECT changed.id >> 16, CASE WHEN changed.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT changed.active THEN 'inactive' WHEN substr(changed.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, -count(*), false FROM gone AS changed GROUP BY 1, 2, 3; RETURN NULL; END$$",
        "CREATE OR REPLACE FUNCTION user_counts_updated() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO user_counts (client_id, status, number, folded) VALUES (coalesce(OLD.client_id, 0), CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, -1, false), (coalesce(NEW.client_id, 0), CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 1, false); INSERT INTO user_blocks (block, role, status, number, folded) VALUES (OLD.id >> 16, CASE WHEN OLD.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, -1, false), (NEW.id >> 16, CASE WHEN NEW.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 1, false); RETURN NULL; END$$",
        "CREATE OR REPLACE FUNCTION user_counts_truncated() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN TRUNCATE user_counts, user_blocks; RETURN NULL; END$$",
        "CREATE OR REPLACE TRIGGER user_counts_inserted AFTER INSERT ON users REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION user_counts_inserted()",
        "CREATE OR REPLACE TRIGGER user_counts_deleted AFTER DELETE ON users REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION user_counts_deleted()",
        "CREATE OR REPLACE TRIGGER user_counts_updated AFTER UPDATE OF id, client_id, active, password_digest ON users FOR EACH ROW WHEN (coalesce(OLD.client_id, 0) <> coalesce(NEW.client_id, 0) OR CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END <> CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END OR OLD.id >> 16 <> NEW.id >> 16) EXECUTE FUNCTION user_counts_updated()",
        "CREATE OR REPLACE TRIGGER user_counts_truncated AFTER TRUNCATE ON users FOR EACH STATEMENT EXECUTE FUNCTION user_counts_truncated()",
    ),
    'sqlite': (
        """CREATE TRIGGER user_counts_inserting BEFORE INSERT ON users WHEN EXISTS (SELECT 1 FROM users WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM users WHERE email = NEW.email)
        OR EXISTS (SELECT 1 FROM user_counts_replaced) BEGIN 
        DELETE FROM user_counts_replaced;
        INSERT INTO user_counts_replaced SELECT id, coalesce(users.client_id, 0), CASE WHEN NOT users.active THEN 'inactive' WHEN substr(users.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END FROM users
            WHERE (id = NEW.id OR email = NEW.email); END""",
        """CREATE TRIGGER user_counts_inserted AFTER INSERT ON users BEGIN 
        INSERT INTO user_counts (client_id, status, number, folded) SELECT coalesce(NEW.client_id, 0), CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM user_counts WHERE (client_id, status) = (coalesce(NEW.client_id, 0), CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END));
        UPDATE user_counts SET number = number + 1
            WHERE (client_id, status) = (coalesce(NEW.client_id, 0), CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END);
        INSERT INTO user_blocks (block, role, status, number, folded) SELECT NEW.id >> 16, CASE WHEN NEW.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM user_blocks WHERE (block, role, status) = (NEW.id >> 16, CASE WHEN NEW.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END));
        UPDATE user_blocks SET number = number + 1
            WHERE (block, role, status) = (NEW.id >> 16, CASE WHEN NEW.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END); END""",
        """CREATE TRIGGER user_counts_replaced_by_insert AFTER INSERT ON users WHEN EXISTS (SELECT 1 FROM user_counts_replaced) BEGIN 
        DELETE FROM user_counts_replaced
            WHERE user_id <> NEW.id AND user_id IN (SELECT id FROM users);
        UPDATE user_counts SET number = number - (
            SELECT count(*) FROM user_counts_replaced AS noted WHERE (client_id, status) = (noted.client_id, noted.status)
        ) WHERE (client_id, status) IN (SELECT noted.client_id, noted.status FROM user_counts_replaced AS noted);
        UPDATE user_blocks SET number = number - (
            SELECT count(*) FROM user_counts_replaced AS noted WHERE (block, role, status) = (noted.user_id >> 16, CASE noted.client_id WHEN 0 THEN 'administrator' ELSE 'regular' END, noted.status)
        ) WHERE (block, role, status) IN (SELECT noted.user_id >> 16, CASE noted.client_id WHEN 0 THEN 'administrator' ELSE 'regular' END, noted.status FROM user_counts_replaced AS noted);
        DELETE FROM user_counts_replaced; END""",
        """CREATE TRIGGER user_counts_deleted AFTER DELETE ON users BEGIN 
        INSERT INTO user_counts (client_id, status, number, folded) SELECT coalesce(OLD.client_id, 0), CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM user_counts WHERE (client_id, status) = (coalesce(OLD.client_id, 0), CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END));
        UPDATE user_counts SET number = number + -1
            WHERE (client_id, status) = (coalesce(OLD.client_id, 0), CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END);
        INSERT INTO user_blocks (block, role, status, number, folded) SELECT OLD.id >> 16, CASE WHEN OLD.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM user_blocks WHERE (block, role, status) = (OLD.id >> 16, CASE WHEN OLD.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END));
        UPDATE user_blocks SET number = number + -1
            WHERE (block, role, status) = (OLD.id >> 16, CASE WHEN OLD.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END); DELETE FROM user_counts_replaced WHERE user_id = OLD.id; END""",
        """CREATE TRIGGER user_counts_updated AFTER UPDATE OF id, client_id, active, password_digest ON users WHEN coalesce(OLD.client_id, 0) <> coalesce(NEW.client_id, 0) OR CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END <> CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END OR OLD.id >> 16 <> NEW.id >> 16 BEGIN 
        INSERT INTO user_counts (client_id, status, number, folded) SELECT coalesce(OLD.client_id, 0), CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM user_counts WHERE (client_id, status) = (coalesce(OLD.client_id, 0), CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END));
        UPDATE user_counts SET number = number + -1
            WHERE (client_id, status) = (coalesce(OLD.client_id, 0), CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END);
        INSERT INTO user_blocks (block, role, status, number, folded) SELECT OLD.id >> 16, CASE WHEN OLD.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM user_blocks WHERE (block, role, status) = (OLD.id >> 16, CASE WHEN OLD.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END));
        UPDATE user_blocks SET number = number + -1
            WHERE (block, role, status) = (OLD.id >> 16, CASE WHEN OLD.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT OLD.active THEN 'inactive' WHEN substr(OLD.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END);
        INSERT INTO user_counts (client_id, status, number, folded) SELECT coalesce(NEW.client_id, 0), CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM user_counts WHERE (client_id, status) = (coalesce(NEW.client_id, 0), CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END));
        UPDATE user_counts SET number = number + 1
            WHERE (client_id, status) = (coalesce(NEW.client_id, 0), CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END);
        INSERT INTO user_blocks (block, role, status, number, folded) SELECT NEW.id >> 16, CASE WHEN NEW.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, 0, 1
            WHERE NOT EXISTS (SELECT 1 FROM user_blocks WHERE (block, role, status) = (NEW.id >> 16, CASE WHEN NEW.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END));
        UPDATE user_blocks SET number = number + 1
            WHERE (block, role, status) = (NEW.id >> 16, CASE WHEN NEW.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT NEW.active THEN 'inactive' WHEN substr(NEW.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END); END""",
        """CREATE TRIGGER user_counts_moving BEFORE UPDATE OF id, email ON users WHEN (OLD.id <> NEW.id OR OLD.email <> NEW.email) BEGIN 
        DELETE FROM user_counts_replaced;
        INSERT INTO user_counts_replaced SELECT id, coalesce(users.client_id, 0), CASE WHEN NOT users.active THEN 'inactive' WHEN substr(users.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END FROM users
            WHERE (id = NEW.id OR email = NEW.email) AND id <> OLD.id; END""",
        """CREATE TRIGGER user_counts_replaced_by_update AFTER UPDATE OF id, email ON users WHEN (OLD.id <> NEW.id OR OLD.email <> NEW.email) AND EXISTS (SELECT 1 FROM user_counts_replaced) BEGIN 
        DELETE FROM user_counts_replaced
            WHERE user_id <> NEW.id AND user_id IN (SELECT id FROM users);
        UPDATE user_counts SET number = number - (
            SELECT count(*) FROM user_counts_replaced AS noted WHERE (client_id, status) = (noted.client_id, noted.status)
        ) WHERE (client_id, status) IN (SELECT noted.client_id, noted.status FROM user_counts_replaced AS noted);
        UPDATE user_blocks SET number = number - (
            SELECT count(*) FROM user_counts_replaced AS noted WHERE (block, role, status) = (noted.user_id >> 16, CASE noted.client_id WHEN 0 THEN 'administrator' ELSE 'regular' END, noted.status)
        ) WHERE (block, role, status) IN (SELECT noted.user_id >> 16, CASE noted.client_id WHEN 0 THEN 'administrator' ELSE 'regular' END, noted.status FROM user_counts_replaced AS noted);
        DELETE FROM user_counts_replaced; END""",
    ),
}
REMOVALS = {
    'postgresql': (
        "DROP FUNCTION user_counts_inserted CASCADE",
        "DROP FUNCTION user_counts_deleted CASCADE",
        "DROP FUNCTION user_counts_updated CASCADE",
        "DROP FUNCTION user_counts_truncated CASCADE",
    ),
    'sqlite': (
        "DROP TRIGGER user_counts_inserting",
        "DROP TRIGGER user_counts_inserted",
        "DROP TRIGGER user_counts_replaced_by_insert",
        "DROP TRIGGER user_counts_deleted",
        "DROP TRIGGER user_counts_updated",
        "DROP TRIGGER user_counts_moving",
        "DROP TRIGGER user_counts_replaced_by_update",
    ),
}
RECOUNT = (
    "DELETE FROM user_blocks",
    "INSERT INTO user_blocks (block, role, status, number, folded) SELECT users.id >> 16, CASE WHEN users.client_id IS NULL THEN 'administrator' ELSE 'regular' END, CASE WHEN NOT users.active THEN 'inactive' WHEN substr(users.password_digest, 1, 1) = '!' THEN 'invited' ELSE 'active' END, count(*), true FROM users GROUP BY 1, 2, 3",
)


def forwards(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    replace(schema_editor, STATEMENTS[vendor])
    for statement in RECOUNT:
        schema_editor.execute(statement, params=None)


def backwards(apps, schema_editor):
    before = import_module('users.migrations.0005_user_counts')
    statements = before.STATEMENTS[schema_editor.connection.vendor]
    replacing = 'CREATE OR REPLACE' if schema_editor.connection.vendor == 'postgresql' else 'CREATE'
    replace(schema_editor, [
        statement.replace('CREATE', replacing, 1)
        for statement in statements
        if 'CREATE TABLE' not in statement  # user_counts_replaced, which stays
    ])


def replace(schema_editor, statements):
    if schema_editor.connection.vendor == 'postgresql':
        # Nobody writes between these and the counting, by triggers of before or of afterwards.
        schema_editor.execute('LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE', params=None)
    else:
        for statement in REMOVALS['sqlite']:
            schema_editor.execute(statement, params=None)
    for statement in statements:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0012_indexes_of_the_few'),
    ]

    operations = [
        migrations.CreateModel(
            name='UserBlock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('block', models.BigIntegerField()),
                ('role', models.TextField()),
                ('status', models.TextField()),
                ('number', models.BigIntegerField()),
                ('folded', models.BooleanField()),
            ],
            options={
                'db_table': 'user_blocks',
                'indexes': [models.Index(fields=['block', 'role', 'status', 'number'], name='user_blocks_key'), models.Index(models.F('id'), condition=models.Q(('folded', False)), name='user_blocks_appended')],
            },
        ),
        migrations.RunPython(forwards, backwards),
        # Made as any table, and unmanaged from here on: see users/counts.py.
        migrations.AlterModelOptions(
            name='userblock',
            options={'managed': False},
        ),
    ]
