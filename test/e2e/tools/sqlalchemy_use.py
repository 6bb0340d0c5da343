"""Introspection of everything, and an ORM round trip in a schema of its own."""
import os
from sqlalchemy import create_engine, MetaData, inspect, Column, Integer, String, ForeignKey, Numeric, DateTime, Enum, JSON, UniqueConstraint, Index, select, func, text, event
from sqlalchemy.orm import declarative_base, relationship, Session, selectinload, joinedload
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID, insert

engine = create_engine("postgresql+psycopg2://", pool_pre_ping=True)
inspector = inspect(engine)
print(inspector.get_schema_names(), inspector.default_schema_name)
for schema in ("shop", "public"):
    print(sorted(inspector.get_table_names(schema=schema)), sorted(inspector.get_view_names(schema=schema)), sorted(inspector.get_sequence_names(schema=schema)), inspector.get_enums(schema=schema))
    for name in sorted(inspector.get_table_names(schema=schema)) + sorted(inspector.get_view_names(schema=schema)):
        for ask in ("get_columns", "get_pk_constraint", "get_foreign_keys", "get_indexes", "get_unique_constraints", "get_check_constraints", "get_table_comment"):
            print(name, ask, getattr(inspector, ask)(name, schema=schema))
print(inspector.get_view_definition("big_sale", schema="shop"), inspector.has_table("sale", schema="shop"), inspector.get_foreign_table_names(schema="shop"))
meta = MetaData()
meta.reflect(engine, schema="shop", views=True)
print(sorted(meta.tables))

if os.environ.get("WRITE") == "1":
    Base = declarative_base()

    class Author(Base):
        __tablename__ = "author"
        __table_args__ = {"schema": "orm"}
        id = Column(Integer, primary_key=True)
        name = Column(String(40), index=True, nullable=False)
        kind = Column(Enum("poet", "liar", name="author_kind", schema="orm"))
        facts = Column(JSONB)
        tags = Column(ARRAY(String))
        born = Column(DateTime(timezone=True), server_default=func.now())
        books = relationship("Book", back_populates="author", cascade="all, delete-orphan")

    class Book(Base):
        __tablename__ = "book"
        __table_args__ = (UniqueConstraint("title"), {"schema": "orm"})
        id = Column(Integer, primary_key=True)
        title = Column(String, nullable=False)
        price = Column(Numeric(10, 2))
        author_id = Column(ForeignKey("orm.author.id", ondelete="CASCADE"))
        author = relationship(Author, back_populates="books")

    with engine.begin() as c:
        c.execute(text("CREATE SCHEMA orm"))
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as s:
        ada = Author(name="Ada", kind="poet", facts={"a": [1, None]}, tags=["x", "y"], books=[Book(title="one", price=3), Book(title="two")])
        s.add_all([ada, Author(name="Bob", kind="liar")])
        s.commit()
        print([(a.name, len(a.books)) for a in s.execute(select(Author).options(selectinload(Author.books)).order_by(Author.id)).scalars()])
        print([b.author.name for b in s.execute(select(Book).options(joinedload(Book.author)).where(Book.title.ilike("%o%")).order_by(Book.id)).scalars()])
        print(s.execute(select(Author.name, func.count(Book.id)).outerjoin(Book).group_by(Author.name).having(func.count(Book.id) > 0).order_by(Author.name)).all())
        print(s.execute(select(Author.name).where(Author.facts["a"][0].astext == "1").limit(3).offset(0)).all())
        ada.name = "Ada L."
        s.flush()
        with s.begin_nested() as inner:
            s.add(Book(title="three"))
            s.flush()
            inner.rollback()
        s.delete(ada.books[0])
        s.commit()
        s.execute(insert(Book.__table__).values(title="two", price=9).on_conflict_do_update(index_elements=["title"], set_={"price": 9}))
        s.execute(Book.__table__.insert(), [{"title": f"t{i}"} for i in range(50)])
        print(s.execute(select(func.row_number().over(order_by=Book.id), Book.title).limit(2)).all())
        s.execute(select(Book).with_for_update(skip_locked=True).limit(1)).all()
        s.commit()
        print(s.query(Book).count(), s.query(Author).filter_by(name="Bob").one().kind)
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as c:
        print(c.execute(text("SELECT count(*) FROM orm.book WHERE price = :p"), {"p": 9}).scalar())
    with engine.connect().execution_options(stream_results=True) as c:
        print(len(c.execute(text("SELECT * FROM orm.book")).fetchmany(5)))
    Base.metadata.drop_all(engine)
    with engine.begin() as c:
        c.execute(text("DROP SCHEMA orm"))
