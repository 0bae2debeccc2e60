using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Qianfan.Platform.Data.Migrations
{
    /// <inheritdoc />
    public partial class ServiceVersions : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "Kind",
                table: "Services",
                type: "TEXT",
                maxLength: 16,
                nullable: false,
                defaultValue: "Chat");

            migrationBuilder.AddColumn<int>(
                name: "NextVersionId",
                table: "Services",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "ServedVersions",
                columns: table => new
                {
                    Id = table.Column<int>(type: "INTEGER", nullable: false)
                        .Annotation("Sqlite:Autoincrement", true),
                    ServiceId = table.Column<int>(type: "INTEGER", nullable: false),
                    ModelVersionId = table.Column<int>(type: "INTEGER", nullable: false),
                    Since = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_ServedVersions", x => x.Id);
                    table.ForeignKey(
                        name: "FK_ServedVersions_ModelVersions_ModelVersionId",
                        column: x => x.ModelVersionId,
                        principalTable: "ModelVersions",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "FK_ServedVersions_Services_ServiceId",
                        column: x => x.ServiceId,
                        principalTable: "Services",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "IX_Services_NextVersionId",
                table: "Services",
                column: "NextVersionId");

            migrationBuilder.CreateIndex(
                name: "IX_ServedVersions_ModelVersionId",
                table: "ServedVersions",
                column: "ModelVersionId");

            migrationBuilder.CreateIndex(
                name: "IX_ServedVersions_ServiceId_Id",
                table: "ServedVersions",
                columns: new[] { "ServiceId", "Id" });

            migrationBuilder.AddForeignKey(
                name: "FK_Services_ModelVersions_NextVersionId",
                table: "Services",
                column: "NextVersionId",
                principalTable: "ModelVersions",
                principalColumn: "Id",
                onDelete: ReferentialAction.Restrict);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "FK_Services_ModelVersions_NextVersionId",
                table: "Services");

            migrationBuilder.DropTable(
                name: "ServedVersions");

            migrationBuilder.DropIndex(
                name: "IX_Services_NextVersionId",
                table: "Services");

            migrationBuilder.DropColumn(
                name: "Kind",
                table: "Services");

            migrationBuilder.DropColumn(
                name: "NextVersionId",
                table: "Services");
        }
    }
}
