using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Qianfan.Portal.Data.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class KeyScopes : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "Scopes",
                table: "ApiKeys",
                type: "TEXT",
                maxLength: 40,
                nullable: false,
                defaultValue: "");

            // Old keys keep their rights.
            migrationBuilder.Sql("UPDATE \"ApiKeys\" SET \"Scopes\" = CASE WHEN \"ReadOnly\" THEN 'Inference, Read' ELSE 'Inference, Read, Write' END");

            // In place: DropColumn would copy the whole table, outside of the transaction.
            migrationBuilder.Sql("ALTER TABLE \"ApiKeys\" DROP COLUMN \"ReadOnly\"");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<bool>(
                name: "ReadOnly",
                table: "ApiKeys",
                type: "INTEGER",
                nullable: false,
                defaultValue: false);

            // A key for inference alone would get more than it had.
            migrationBuilder.Sql("UPDATE \"ApiKeys\" SET \"RevokedAt\" = \"CreatedAt\" WHERE \"Scopes\" NOT LIKE '%Read%' AND \"RevokedAt\" IS NULL");
            migrationBuilder.Sql("UPDATE \"ApiKeys\" SET \"ReadOnly\" = 1 WHERE \"Scopes\" NOT LIKE '%Write%'");

            migrationBuilder.Sql("ALTER TABLE \"ApiKeys\" DROP COLUMN \"Scopes\"");
        }
    }
}
