# docker build -t qianfan-portal . && docker run -p 5080:5080 -v qianfan-data:/data qianfan-portal
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY . .
RUN dotnet publish src/Qianfan.Portal -c Release -o /app

FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /app
# The engine's native library is built with OpenMP.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /app .
RUN mkdir /data && chown $APP_UID:$APP_UID /data
ENV Portal__DataDirectory=/data \
    Urls=http://0.0.0.0:5080
VOLUME /data
EXPOSE 5080
USER $APP_UID
ENTRYPOINT ["dotnet", "Qianfan.Portal.dll"]
